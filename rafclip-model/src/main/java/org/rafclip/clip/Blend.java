package org.rafclip.clip;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.data.DataException;
import org.rafclip.ops.kernel.Memory;

/**
 * The weights between two models of one shape, {@code (1 − w) · first + w · second}. A fine-tuned model blended with the one
 * it began from keeps much of what fine-tuning loses (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
 */
public final class Blend {

    private final Map<String, INDArray> first;
    private final Map<String, INDArray> second;

    private Blend(Map<String, INDArray> first, Map<String, INDArray> second) {
        this.first = first;
        this.second = second;
    }

    /**
     * Both models' weights; the first's are copied, so that blends may be written into it.
     *
     * @throws DataException if the models do not belong together; the message names the first difference
     */
    public static Blend of(ClipModel first, ClipModel second) {
        Map<String, INDArray> from = first.encoder().parameters();
        Map<String, INDArray> to = second.encoder().parameters();
        Map<String, INDArray> copies = new LinkedHashMap<>();
        for (Map.Entry<String, INDArray> parameter : from.entrySet()) {
            INDArray other = to.get(parameter.getKey());
            if (other == null
                    || !Arrays.equals(other.shape(), parameter.getValue().shape())) {
                throw new DataException(
                        "the models cannot be blended: tensor '" + parameter.getKey() + "' has the shape "
                                + Arrays.toString(parameter.getValue().shape()) + " in the first, "
                                + (other == null
                                        ? "and the second has none"
                                        : Arrays.toString(other.shape()) + " in the second"));
            }
        }
        to.keySet().stream().filter(name -> !from.containsKey(name)).findFirst().ifPresent(name -> {
            throw new DataException("the models cannot be blended: tensor '" + name + "' is in the second only");
        });
        requireAlike(first.config(), second.config());
        if (!first.tokenizer().agreesWith(second.tokenizer())) {
            throw new DataException("the models cannot be blended: their tokenizers differ, so a row of"
                    + " token_embedding.weight is another word's");
        }
        from.forEach((name, array) -> copies.put(name, array.dup('c')));
        return new Blend(copies, to);
    }

    /** What shapes do not show. */
    private static void requireAlike(ClipConfig first, ClipConfig second) {
        requireAlike("activation", first.activation(), second.activation());
        requireAlike("text.activation", first.textActivation(), second.textActivation());
        requireAlike("vision.heads", first.vision().heads(), second.vision().heads());
        requireAlike("text.heads", first.text().heads(), second.text().heads());
        requireAlike("vision.pool", first.vision().pool(), second.vision().pool());
        requireAlike(
                "vision.norm-before-mean",
                first.vision().normBeforeMean(),
                second.vision().normBeforeMean());
        requireAlike("text.pool", first.text().pool(), second.text().pool());
        requireAlike("text.causal", first.text().causal(), second.text().causal());
        requireAlike("text.post-norm", first.text().postNorm(), second.text().postNorm());
        requireAlike("layer-norm-eps", first.layerNormEps(), second.layerNormEps());
        requireAlike("text.layer-norm-eps", first.textLayerNormEps(), second.textLayerNormEps());
        requireAlike(
                "vision.image-size", first.vision().imageSize(), second.vision().imageSize());
    }

    private static void requireAlike(String setting, Object first, Object second) {
        if (!first.equals(second)) {
            throw new DataException("the models cannot be blended: " + setting + " is " + first + " in the first and "
                    + second + " in the second");
        }
    }

    /**
     * Writes a blend into a model of the same shape.
     *
     * @param weight of the second model, 0 to 1: at 0 the first's bits, at 1 the second's
     */
    public void writeTo(ClipModel model, double weight) {
        model.thaw();
        float share = (float) weight;
        model.encoder().parameters().forEach((name, array) -> {
            Memory a = Memory.of(first.get(name));
            Memory b = Memory.of(Memory.dense(second.get(name)));
            Memory into = Memory.of(array);
            for (long i = 0; i < into.length(); i++) {
                into.set(i, (1 - share) * (float) a.get(i) + share * (float) b.get(i));
            }
        });
    }
}
