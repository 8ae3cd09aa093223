package org.rafclip.agcn.compose;

import java.util.Arrays;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Numbers that the Python script of the goldens makes in the same way: {@code 0.3 sin(0.9 i + phase of the name)}. */
public final class Formula {

    private Formula() {}

    public static INDArray numbers(String name, long... shape) {
        int phase = 0;
        for (int k = 0; k < name.length(); k++) {
            phase += (k + 1) * name.charAt(k);
        }
        double[] values = new double[(int) Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
        for (int i = 0; i < values.length; i++) {
            values[i] = 0.3 * Math.sin(0.9 * i + phase % 1000);
        }
        return Nd4j.create(values, shape, DataType.DOUBLE);
    }
}
