package org.rafclip.experiment;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.agcn.train.AgcnConfig;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.LoraConfig;
import org.rafclip.loss.RafLossConfig;
import org.rafclip.measure.Flops;
import org.rafclip.ops.Blas;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.Precision;
import org.rafclip.ops.kernel.Memory;
import org.rafclip.train.RafClipConfig;

/**
 * How long trainings take, roughly: the floating-point operations of their matrix products over the speed of a matrix
 * product on this machine when nothing else runs, times what trainings reach of it.
 *
 * @param fp32 floating-point operations a second of a large matrix product
 * @param bf16 the same in bf16; of fp32 where a processor has no bf16
 */
record Estimate(double fp32, double bf16) {

    private static final int SIDE = 1024;
    private static final int PRODUCTS = 4;
    private static final int ROUNDS = 12;

    private static final OperatingSystemMXBean PROCESS =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    /** Share of a large product's speed in a step of the small configurations: their products are small. */
    private static final double ENCODER_SHARE = 0.57;

    private static final double ENCODER_SHARE_BF16 = 0.44;

    private static final double COMPOSER_SHARE = 0.18;

    private static final double COMPOSER_SHARE_BF16 = 0.17;

    /** Texts of a batch are few and short; sentences, which nearly every garment has for itself, are neither. */
    private static final int TEXTS = 100;

    private static final int TEXT_TOKENS = 10;

    private static final int SENTENCE_TOKENS = 17;

    /** Measures this machine for a second or two, by processor time: others on the machine may keep it waiting. */
    static Estimate measure() {
        double fp32 = measure(Precision.FP32);
        return new Estimate(fp32, Precision.BF16.available() ? measure(Precision.BF16) : fp32);
    }

    private static double measure(Precision precision) {
        try (INDArray a = Nd4j.rand(DataType.FLOAT, SIDE, SIDE);
                INDArray b = Nd4j.rand(DataType.FLOAT, SIDE, SIDE);
                INDArray c = Nd4j.create(DataType.FLOAT, SIDE, SIDE)) {
            Memory left = Memory.of(a);
            Memory right = Memory.of(b);
            Memory result = Memory.of(c);
            double least = Double.POSITIVE_INFINITY;
            for (int round = 0; round < ROUNDS; round++) {
                long begin = PROCESS.getProcessCpuTime();
                Blas.inPrecision(precision, () -> {
                    for (int i = 0; i < PRODUCTS; i++) {
                        Blas.gemm(false, false, SIDE, SIDE, SIDE, 1, left, 0, SIDE, right, 0, SIDE, 0, result, 0, SIDE);
                    }
                    return result;
                });
                least = Math.min(least, (PROCESS.getProcessCpuTime() - begin) / 1e9);
            }
            double products = 2.0 * PRODUCTS * SIDE * SIDE * SIDE;
            return Parallel.standard().threads() * products / least;
        }
    }

    /**
     * Seconds of a RaF-CLIP training.
     *
     * @param clip its architecture
     * @param photos trained on
     */
    double encoder(RafClipConfig config, ClipConfig clip, int photos) {
        RafLossConfig loss = config.loss();
        long images = ((loss.withCrops() ? 1L : 0) + (loss.withRegions() ? 1 : 0)) * photos;
        long batches = Math.max(1, photos / config.train().batchSize());
        int tokens = clip.text().context().filled()
                ? clip.text().contextLength()
                : loss.withSentences() ? SENTENCE_TOKENS : TEXT_TOKENS;
        long texts = TEXTS * batches + (loss.withSentences() ? photos : 0);
        LoraConfig lora = config.train().lora();
        double flops = Flops.images(clip, images, lora)
                .plus(Flops.texts(clip, texts, tokens, lora))
                .total();
        return config.train().epochs() * flops / speed(config.train().precision(), ENCODER_SHARE, ENCODER_SHARE_BF16);
    }

    /**
     * Seconds of a composer's training on cached features.
     *
     * @param clip the encoder's architecture
     * @param photos trained on
     */
    double composer(AgcnConfig config, ClipConfig clip, int photos) {
        double query = Flops.composer(
                        config.composer(),
                        clip.embedWidth(),
                        clip.vision().pool(),
                        clip.vision().tokens(),
                        new int[] {TEXT_TOKENS})
                .total();
        double queries = (double) photos * config.data().triplets().perReference();
        return config.train().epochs()
                * queries
                * query
                / speed(config.train().precision(), COMPOSER_SHARE, COMPOSER_SHARE_BF16);
    }

    private double speed(Precision precision, double share, double shareBf16) {
        return precision == Precision.BF16 ? shareBf16 * bf16 : share * fp32;
    }
}
