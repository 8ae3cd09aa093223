package org.rafclip.experiment;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.agcn.compose.ComposerConfig;
import org.rafclip.agcn.train.AgcnConfig;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.LoraConfig;
import org.rafclip.loss.RafLossConfig;
import org.rafclip.measure.Flops;
import org.rafclip.ops.Blas;
import org.rafclip.ops.Parallel;
import org.rafclip.ops.kernel.Memory;
import org.rafclip.train.RafClipConfig;

/**
 * How long trainings take, roughly: the floating-point operations of their matrix products over the speed of a matrix
 * product on this machine when nothing else runs, times what trainings reach of it.
 *
 * @param perSecond floating-point operations of a large matrix product
 */
record Estimate(double perSecond) {

    private static final int SIDE = 1024;
    private static final int PRODUCTS = 4;
    private static final int ROUNDS = 12;

    private static final OperatingSystemMXBean PROCESS =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    /** Share of a large product's speed in a step of the small configurations: their products are small. */
    private static final double ENCODER_SHARE = 0.35;

    private static final double COMPOSER_SHARE = 0.15;

    /** Texts of a batch are few and short; sentences, which nearly every garment has for itself, are neither. */
    private static final int TEXTS = 100;

    private static final int TEXT_TOKENS = 10;

    private static final int SENTENCE_TOKENS = 17;

    /** Measures this machine for about a second, by processor time: others on the machine may keep it waiting. */
    static Estimate measure() {
        try (INDArray a = Nd4j.rand(DataType.FLOAT, SIDE, SIDE);
                INDArray b = Nd4j.rand(DataType.FLOAT, SIDE, SIDE);
                INDArray c = Nd4j.create(DataType.FLOAT, SIDE, SIDE)) {
            double least = Double.POSITIVE_INFINITY;
            for (int round = 0; round < ROUNDS; round++) {
                long begin = PROCESS.getProcessCpuTime();
                for (int i = 0; i < PRODUCTS; i++) {
                    Blas.gemm(
                            false,
                            false,
                            SIDE,
                            SIDE,
                            SIDE,
                            1,
                            Memory.of(a),
                            0,
                            SIDE,
                            Memory.of(b),
                            0,
                            SIDE,
                            0,
                            Memory.of(c),
                            0,
                            SIDE);
                }
                least = Math.min(least, (PROCESS.getProcessCpuTime() - begin) / 1e9);
            }
            double products = 2.0 * PRODUCTS * SIDE * SIDE * SIDE;
            return new Estimate(Parallel.standard().threads() * products / least);
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
        return config.train().epochs() * flops / (ENCODER_SHARE * perSecond);
    }

    /**
     * Seconds of a composer's training: every block multiplies each token by its projections and feed-forward network,
     * and the gradient costs twice as much again.
     *
     * @param clip the encoder's architecture
     * @param photos trained on
     */
    double composer(AgcnConfig config, ClipConfig clip, int photos) {
        ComposerConfig composer = config.composer();
        double d = clip.embedWidth();
        double tokens = composer.branches().features() == ComposerConfig.Features.TOKEN
                ? clip.vision().tokens() + TEXT_TOKENS
                : 2;
        double branches = composer.kind() == ComposerConfig.Kind.CLIP4CIR
                ? 2
                        * 5120
                        * composer.combiner().widthFactor()
                        * 2560
                        * composer.combiner().widthFactor()
                        / (d * d)
                : composer.branches().blocks() * (8 + 2 * composer.branches().mlpRatio()) * tokens;
        double queries = (double) photos * config.data().triplets().perReference();
        return config.train().epochs() * queries * 6 * branches * d * d / (COMPOSER_SHARE * perSecond);
    }
}
