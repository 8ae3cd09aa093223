package org.rafclip.launch;

import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import org.rafclip.ops.Parallel;
import org.rafclip.run.ConfigException;
import org.rafclip.run.Configs;
import org.rafclip.run.Provenance;
import org.rafclip.train.RunFolder;
import org.rafclip.train.TrainingLoop;

/** One training from one YAML file, whatever it trains: progress on standard error, metrics into the run's folder. */
public sealed interface Training permits RafClipTraining, ComposerTraining {

    /**
     * Reads a configuration: with a section {@code composer} that of a composer, else that of RaF-CLIP.
     *
     * @param overrides {@code key.path=value} each
     * @throws ConfigException as {@link Configs#load} does
     */
    static Training load(Path file, List<String> overrides) {
        return trainsComposer(file) ? ComposerTraining.load(file, overrides) : RafClipTraining.load(file, overrides);
    }

    /** A file that cannot be read as YAML is left to whoever loads it to complain of. */
    private static boolean trainsComposer(Path file) {
        try {
            return new YAMLMapper().readTree(file.toFile()).has("composer");
        } catch (IOException e) {
            return false;
        }
    }

    /** The resolved configuration. */
    Record config();

    long seed();

    /** The run's folder, which the configuration names. */
    RunFolder folder();

    /**
     * A name for the photos, boxes, labels and captions that are trained on.
     *
     * @throws org.rafclip.data.DataException if the annotations cannot be read
     */
    String dataFingerprint();

    /**
     * A name for all that is read: {@link #dataFingerprint}, and the frozen encoder where there is one.
     *
     * @throws org.rafclip.data.DataException if the annotations or the encoder's checkpoint cannot be read
     */
    String inputsFingerprint() throws IOException;

    /** Whether there are photos to validate on. */
    boolean validates();

    /** The names of the figures that every validation writes into {@code metrics.jsonl}; higher is better in all. */
    List<String> validationMetrics();

    /** What decides which checkpoint is best, in words. */
    String score();

    /** The evaluation of the finished run, as arguments of {@code ./rafclip}. */
    String evaluation();

    /** How photos are searched by a model: arguments of {@code ./rafclip}, one command after the other. */
    static List<String> search(Path model, Path photos) {
        String index = model + "-index";
        return List.of(
                "index --run " + model + " --images " + photos + " --out " + index,
                "search --index " + index + " \"red dress\"",
                "serve --index " + index);
    }

    /** What can be done with the finished run, as arguments of {@code ./rafclip}; the evaluation first. */
    List<String> next();

    /**
     * The provenance of a training that starts now.
     *
     * @param libraries versions by name
     * @param commandLine the arguments as given
     */
    default Provenance provenance(Map<String, String> libraries, List<String> commandLine) {
        return Provenance.capture(
                config(),
                seed(),
                dataFingerprint(),
                libraries,
                Parallel.standard().threads(),
                commandLine,
                Clock.systemUTC());
    }

    /**
     * Trains to the end.
     *
     * @param resume whether to go on from the last checkpoint; without one it starts at the beginning
     * @throws org.rafclip.data.DataException if the folder holds another run, or the loss is no longer a number
     */
    TrainingLoop.Outcome train(boolean resume, Provenance provenance) throws IOException, InterruptedException;
}
