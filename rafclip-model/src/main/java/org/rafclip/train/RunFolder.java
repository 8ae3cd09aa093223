package org.rafclip.train;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.rafclip.data.DataException;
import org.rafclip.data.TextFile;
import org.rafclip.io.AtomicFiles;
import org.rafclip.io.FolderLock;
import org.rafclip.photos.PhotoConfig;
import org.rafclip.photos.TypicalBox;
import org.rafclip.photos.Vocabulary;
import org.rafclip.run.ConfigException;
import org.rafclip.run.Configs;
import org.rafclip.run.JsonReport;
import org.rafclip.run.Provenance;

/**
 * A training run on disk: {@code config.yaml}, {@code provenance.json}, {@code metrics.jsonl}, its photos
 * ({@code trained-on.txt} and {@code held-out.txt}, as {@code sha256sum} writes them), their words and the
 * {@code checkpoints}.
 */
public record RunFolder(Path dir) {

    private static final String CONFIG = "config.yaml";
    private static final String TRAINED = "trained-on.txt";
    private static final String LOCK = ".lock";

    /** Where a run lies is no setting of it: its folder may be moved. */
    private static final String OUTPUT = "output.";

    private static final String HELD_OUT = "held-out.txt";
    private static final String VOCABULARY = "vocabulary.yaml";
    private static final String TYPICAL_BOX = "typical-box.yaml";
    private static final Pattern PHOTO = Pattern.compile("([0-9a-f]{64})  (.+)");

    /** An existing run's folder. */
    public static RunFolder open(Path dir) {
        RunFolder run = new RunFolder(dir);
        if (!Files.isRegularFile(run.configFile())) {
            throw new DataException(dir + " is not a training run: it has no " + CONFIG
                    + "; give the output.dir of a finished or running ./rafclip train; a demo or ablate that was stopped"
                    + " goes on when it is started again");
        }
        return run;
    }

    public Path configFile() {
        return dir.resolve(CONFIG);
    }

    public Path provenanceFile() {
        return dir.resolve("provenance.json");
    }

    public Path metricsFile() {
        return dir.resolve("metrics.jsonl");
    }

    /** TensorBoard's files. */
    Path boards() {
        return dir.resolve("tensorboard");
    }

    public Checkpoints checkpoints() {
        return new Checkpoints(dir.resolve("checkpoints"));
    }

    /**
     * The run's resolved configuration. Its relative paths are relative to the folder in which {@code train} was started;
     * whoever reads it elsewhere replaces them ({@link PhotoConfig#at}).
     */
    public RafClipConfig config() {
        return config(RafClipConfig.class);
    }

    /** The resolved configuration of a run of another kind. */
    public <T extends Record> T config(Class<T> type) {
        return Configs.load(configFile(), List.of(), type);
    }

    /** What the run said of itself when it began. */
    public Provenance provenance() {
        return JsonReport.read(provenanceFile(), Description.class).provenance();
    }

    /**
     * Whether a run that goes on here ends with other bits than it would have where it began, and why, in one line for
     * people. Empty where it does not, or where no run has begun.
     *
     * @param now of the process that goes on
     */
    public Optional<String> otherBits(Provenance now) {
        if (!Files.exists(provenanceFile())) {
            return Optional.empty();
        }
        return now.otherBits(provenance())
                .map(difference -> dir
                        + " goes on elsewhere than it began, so its weights will not have the bits of an uninterrupted"
                        + " run (" + difference + ")");
    }

    /** A checkpoint, its files checked against their hashes. */
    public Checkpoints.Verified checkpoint(Checkpoints.Which which) throws IOException {
        Optional<Path> folder = checkpoints().find(which);
        if (folder.isEmpty()) {
            boolean other = checkpoints().find(Checkpoints.Which.LAST).isPresent();
            throw new DataException(dir
                    + (other
                            ? " has no best checkpoint yet, only a last one; take that (--checkpoint last), or wait for the first validation"
                            : " has no checkpoint yet: a training that is running writes one at its first validation, one that"
                                    + " stopped before is to be started again"));
        }
        return new Checkpoints.Verified(folder.get(), Checkpoints.verify(folder.get()));
    }

    /** Whether a step was done here. A start that failed before leaves nothing that another may not replace. */
    private boolean begun() throws IOException {
        return !checkpoints().isEmpty() || Files.isRegularFile(metricsFile()) && Files.size(metricsFile()) > 0;
    }

    /**
     * Makes the folder that of a run, or checks that it is. What a start left that failed before its first step is
     * replaced. A run that is resumed with more epochs than it was to have is continued: its configuration is replaced by
     * the new one, with the earlier number of epochs in {@code train.continued}.
     *
     * @param description of what is trained and on what
     * @param resume whether the run may be there already
     * @return the run's configuration from now on
     * @throws DataException if another run is in it, or this one and it is not to be resumed
     */
    <C extends Record & TrainedConfig<C>> C begin(C config, Record description, boolean resume, Provenance provenance)
            throws IOException {
        if (!begun()) {
            for (Path file : List.of(
                    configFile(),
                    provenanceFile(),
                    dir.resolve(TRAINED),
                    dir.resolve(HELD_OUT),
                    dir.resolve(VOCABULARY),
                    dir.resolve(TYPICAL_BOX))) {
                Files.deleteIfExists(file);
            }
            Files.deleteIfExists(metricsFile());
            AtomicFiles.deleteDirectory(boards());
        }
        if (!Files.exists(configFile())) {
            new JsonReport<>(description, provenance).write(provenanceFile());
            AtomicFiles.writeString(configFile(), Configs.toYaml(config));
            return config;
        }
        C there = existing(config);
        TrainConfig earlier = there.train();
        TrainConfig asked = config.train();
        if (resume && asked.epochs() < earlier.epochs()) {
            throw new DataException(dir + " holds a run of " + earlier.epochs() + " epochs, and train.epochs is "
                    + asked.epochs() + ": a run goes on to its end or beyond it, not to fewer; take its checkpoints as"
                    + " they are, or choose another output.dir");
        }
        boolean longer = resume && asked.epochs() > earlier.epochs();
        List<Integer> ends = new ArrayList<>(earlier.continued());
        if (longer) {
            ends.add(earlier.epochs());
        }
        C wanted = resume && asked.continued().isEmpty() ? config.withTrain(asked.withContinued(ends)) : config;
        requireSame(longer ? there.withTrain(continued(earlier, asked, ends)) : there, wanted);
        if (!resume) {
            throw held();
        }
        if (longer) {
            requireNotStoppedEarly(earlier);
            AtomicFiles.writeString(configFile(), Configs.toYaml(wanted));
        }
        return wanted;
    }

    /** @throws DataException if a run was begun here, which is not to be resumed */
    public void requireFree() throws IOException {
        if (begun() && Files.exists(configFile())) {
            throw held();
        }
    }

    private DataException held() {
        return new DataException(dir + " already holds a run; go on with it by --resume, or choose another output.dir");
    }

    /** Settings of a run with what its continuation may change: the epochs and, the first time, how the rate goes on. */
    private static TrainConfig continued(TrainConfig earlier, TrainConfig asked, List<Integer> ends) {
        TrainConfig longer = earlier.withEpochs(asked.epochs()).withContinued(ends);
        return earlier.continued().isEmpty() ? longer.withContinuation(asked.continuation()) : longer;
    }

    private void requireNotStoppedEarly(TrainConfig earlier) throws IOException {
        Optional<Path> last = checkpoints().find(Checkpoints.Which.LAST);
        if (last.isPresent() && Checkpoints.verify(last.get()).state().stoppedEarly(earlier.patience())) {
            throw new DataException(
                    dir + " stopped early, after train.patience validations without improvement, so more"
                            + " epochs would not be trained; start a run with another train.patience in another output.dir");
        }
    }

    /**
     * Checks that the run in this folder, if there is one, is that of a configuration.
     *
     * @throws DataException if it is another one's; the message names the first setting that differs
     */
    public void requireSame(Record config) throws IOException {
        if (Files.exists(configFile()) && begun()) {
            requireSame(existing(config), config);
        }
    }

    private void requireSame(Record there, Record config) {
        Optional<Configs.Difference> difference = Configs.differences(there, config).stream()
                .filter(setting -> !setting.key().startsWith(OUTPUT))
                .findFirst();
        if (difference.isPresent()) {
            Configs.Difference first = difference.get();
            throw new DataException(dir + " already holds a run with another configuration (" + first.key() + ": "
                    + first.second() + " instead of " + first.first()
                    + "); give it the same to go on, or choose another output.dir");
        }
    }

    @SuppressWarnings("unchecked")
    private <T extends Record> T existing(T like) {
        return (T) existing(like.getClass());
    }

    private Record existing(Class<? extends Record> type) {
        try {
            return config(type);
        } catch (ConfigException e) {
            throw new DataException(
                    dir + " already holds a run of another kind, or one that is damaged (" + e.getMessage()
                            + "); choose another output.dir",
                    e);
        }
    }

    /**
     * What every {@code provenance.json} begins with.
     *
     * @param model what is trained, in a word
     */
    public record Description(String model) {}

    /**
     * Writes which photos the run trains on, unless an earlier start of it did.
     *
     * @throws DataException if that was with other photos
     */
    public void writePhotos(Map<String, String> trainedOn, Map<String, String> heldOut) throws IOException {
        writeOnce(dir.resolve(TRAINED), lines(trainedOn));
        writeOnce(dir.resolve(HELD_OUT), lines(heldOut));
    }

    /** Writes the words that the run trains with. */
    void writeVocabulary(Vocabulary vocabulary) throws IOException {
        AtomicFiles.writeString(dir.resolve(VOCABULARY), Configs.toYaml(vocabulary));
    }

    /** The words that the run was trained with; empty for a run of an earlier build, which did not write them. */
    public Optional<Vocabulary> vocabulary() {
        Path file = dir.resolve(VOCABULARY);
        return Files.exists(file) ? Optional.of(Configs.load(file, List.of(), Vocabulary.class)) : Optional.empty();
    }

    /** Writes where garments lie in the photos that the run trains on. */
    void writeTypicalBox(TypicalBox box) throws IOException {
        AtomicFiles.writeString(dir.resolve(TYPICAL_BOX), Configs.toYaml(box));
    }

    /** Where garments lie in the photos that the run was trained on; empty for a run of an earlier build. */
    public Optional<TypicalBox> typicalBox() {
        Path file = dir.resolve(TYPICAL_BOX);
        return Files.exists(file) ? Optional.of(Configs.load(file, List.of(), TypicalBox.class)) : Optional.empty();
    }

    private static void writeOnce(Path file, String text) throws IOException {
        if (!Files.exists(file)) {
            AtomicFiles.writeString(file, text);
        } else if (!Files.readString(file).equals(text)) {
            throw new DataException(
                    file + " lists other photos than the data hold now: a run goes on with the photos it began with;"
                            + " restore the folder or table, or start the run anew in another output.dir");
        }
    }

    /**
     * Keeps other processes from training in this folder, which exists, until it is closed, or this process ends in whatever way.
     *
     * @throws DataException if another process trains in it
     */
    public Closeable lock() throws IOException {
        return FolderLock.take(dir.resolve(LOCK), "trains in " + dir);
    }

    private static String lines(Map<String, String> hashes) {
        StringBuilder text = new StringBuilder();
        hashes.forEach((id, hash) -> text.append(hash).append("  ").append(id).append('\n'));
        return text.toString();
    }

    /** The photos that the run trained on: the SHA-256 of each file by the garment's id. */
    public Map<String, String> trainedOn() throws IOException {
        return photos(TRAINED);
    }

    /** The photos that the run kept for validation and never trained on: the SHA-256 of each file by the garment's id. */
    public Map<String, String> heldOut() throws IOException {
        return photos(HELD_OUT);
    }

    private Map<String, String> photos(String name) throws IOException {
        Path file = dir.resolve(name);
        Map<String, String> photos = new LinkedHashMap<>();
        List<String> lines = TextFile.lines(file);
        for (int i = 0; i < lines.size(); i++) {
            Matcher line = PHOTO.matcher(lines.get(i));
            if (!line.matches()) {
                throw new DataException(file + ":" + (i + 1) + ": is not a SHA-256 and an id; restore the file from a"
                        + " copy, or train anew in another output.dir");
            }
            photos.put(line.group(2), line.group(1));
        }
        return photos;
    }
}
