package org.rafclip.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.DualEncoder;
import org.rafclip.clip.LoraConfig;
import org.rafclip.loss.RafLossConfig;
import org.rafclip.open.RafClipRun;
import org.rafclip.ops.kernel.Memory;
import org.rafclip.run.ConfigException;
import org.rafclip.run.Configs;
import org.rafclip.text.ClipTokenizer;
import org.rafclip.text.Encoded;
import org.rafclip.train.Checkpoints;
import org.rafclip.train.RafClipConfig;
import org.rafclip.train.TrainConfig;

/**
 * A model to measure, with the loss and the optimizer it trains with.
 *
 * @param name a built-in architecture's name, or that of a run's YAML file
 * @param clip without dropout, which takes next to no time, and of which another library draws other numbers
 * @param loss without a share of captions, which drawn garments do not have
 * @param train the run's settings, or the paper's
 */
public record BenchModel(String name, ClipConfig clip, RafLossConfig loss, TrainConfig train) {

    private static final int BATCH = 32;
    private static final int VOCABULARY = 49408;

    public BenchModel {
        clip = clip.withoutDropout();
        loss = new RafLossConfig(
                loss.kind(), loss.alpha(), loss.positives(), loss.duplicateExponent(), 0, loss.sentence());
        if (loss.sigmoid()) {
            clip = clip.withBiasOfLoss();
        }
    }

    /**
     * A built-in architecture with the paper's training settings and {@value #BATCH} garments a step, or the model of a
     * run's YAML file with its settings.
     *
     * @throws ConfigException if it is neither
     */
    public static BenchModel of(String nameOrFile) {
        if (ClipConfig.NAMES.contains(nameOrFile)) {
            TrainConfig train = Configs.parse(
                    "{}", nameOrFile, List.of("batch-size=" + BATCH, "micro-batch=" + 2 * BATCH), TrainConfig.class);
            ClipConfig clip = ClipConfig.named(nameOrFile);
            List<String> kind = clip.logitBias() == null ? List.of() : List.of("kind=sigmoid");
            RafLossConfig loss = Configs.parse("{}", nameOrFile, kind, RafLossConfig.class);
            return new BenchModel(nameOrFile, clip, loss, train);
        }
        Path file = Path.of(nameOrFile);
        if (!Files.isRegularFile(file)) {
            throw new ConfigException("--model " + nameOrFile + ": this is neither a run's YAML file nor one of "
                    + String.join(", ", ClipConfig.NAMES));
        }
        RafClipConfig run = Configs.load(file, List.of("data.dir=.", "output.dir=."), RafClipConfig.class);
        ClipConfig clip = run.model().clip();
        if (run.model().preset() != null) {
            clip = ClipConfig.named(run.model().preset());
        } else if (clip == null) {
            throw new ConfigException(
                    file + ": model.weights names a model folder; give model.preset or model.clip to measure");
        }
        return new BenchModel(
                file.getFileName().toString().replaceFirst("\\.ya?ml$", ""), clip, run.loss(), run.train());
    }

    /**
     * The model of a RaF-CLIP run's best checkpoint, with a vocabulary for the texts that are measured with: as in CLIP's,
     * nearly every word of them is one token.
     *
     * @throws org.rafclip.data.DataException if the folder is not a run, or has no checkpoint yet
     */
    public static BenchModel ofRun(Path dir) throws IOException {
        RafClipRun run = RafClipRun.open(dir, Checkpoints.Which.BEST);
        return new BenchModel(
                dir.toString(),
                run.architecture().withVocabularySize(VOCABULARY),
                run.config().loss(),
                run.config().train());
    }

    /** The same model with adapters that train in its parameters' place, at all layers that they may be at. */
    public BenchModel adapted(int rank) {
        LoraConfig lora = Configs.parse("{}", name, List.of("rank=" + rank), LoraConfig.class);
        return new BenchModel(name, clip, loss, train.withLora(lora));
    }

    /** An encoder with random weights, and the adapters of the settings. */
    DualEncoder encoder(ClipConfig config, long seed) {
        return new DualEncoder(config, DataType.FLOAT, seed, train.adapters(seed));
    }

    /** What trains: all of an encoder, or its adapters and what they leave to train. */
    Map<String, INDArray> trained(DualEncoder encoder) {
        return train.lora() == null ? encoder.parameters() : train.trained(encoder);
    }

    /** Random pixels {@code [n, 3, size, size]}, normalised. */
    INDArray pixels(int n, SplittableRandom random) {
        int size = clip.vision().imageSize();
        INDArray images = Nd4j.createUninitializedDetached(DataType.FLOAT, 'c', n, 3, size, size);
        Memory memory = Memory.of(images);
        for (long i = 0; i < memory.length(); i++) {
            memory.set(i, random.nextDouble() * 4 - 2);
        }
        return images;
    }

    /** A tokenizer with one token for nearly every word of the garments, as CLIP's has. */
    ClipTokenizer tokenizer(Garments garments) {
        return ClipTokenizer.train(
                garments.allTexts(), clip.text().vocabularySize(), clip.text().context());
    }

    /** The model for a tokenizer: one that is trained from scratch has as many entries as its tokenizer. */
    ClipConfig clipFor(ClipTokenizer tokenizer) {
        return ClipConfig.NAMES.contains(name) ? clip : clip.withVocabularySize(tokenizer.vocabSize());
    }

    /** Texts as long as so many tokens: rows filled up, and read at their last. */
    static Encoded.Padded padTo(Encoded.Padded padded, int tokens) {
        int[][] rows = new int[padded.ids().length][];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = Arrays.copyOf(padded.ids()[i], tokens);
        }
        int[] ends = new int[rows.length];
        Arrays.fill(ends, tokens - 1);
        return new Encoded.Padded(rows, ends);
    }
}
