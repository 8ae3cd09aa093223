package org.rafclip.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConfigsTest {

    enum Positives {
        IDENTITY,
        SAME_TEXT
    }

    record Data(
            Path dir,
            @Default("train") String split,
            @Default("null") Path maskCache) {}

    record Tower(@Default("12") int layers, int width) {}

    record Train(
            @Default("64") int batchSize,
            @Default("5e-7") double lr,
            @Default("0.2") float weightDecay,
            @Default("same-text") Positives positives,
            @Default("[0.9, 0.98]") List<Double> betas,
            @Default("false") boolean resume) {

        Train {
            if (batchSize < 1) {
                throw new IllegalArgumentException("batch-size must be at least 1, not " + batchSize);
            }
        }
    }

    record Run(
            Data data,
            Train train,
            @Default("{}") Map<String, Tower> towers,
            @Default("[]") List<Tower> stages,
            @Default("7") long seed,
            @Default("1e-5") @JsonProperty("eps") double epsilon) {}

    private static Run parse(String yaml, String... overrides) {
        return Configs.parse(yaml, "run.yaml", List.of(overrides), Run.class);
    }

    private static void assertRefused(String yaml, List<String> overrides, String... parts) {
        assertThatThrownBy(() -> Configs.parse(yaml, "run.yaml", overrides, Run.class))
                .isInstanceOf(ConfigException.class)
                .satisfies(e -> assertThat(e.getMessage()).contains(parts).doesNotContain("\n"));
    }

    @Test
    void fillsEverythingButRequiredKeysFromDefaults() {
        Run run = parse("data:\n  dir: ../photos\n");
        assertThat(run.data()).isEqualTo(new Data(Path.of("../photos"), "train", null));
        assertThat(run.train()).isEqualTo(new Train(64, 5e-7, 0.2f, Positives.SAME_TEXT, List.of(0.9, 0.98), false));
        assertThat(run.seed()).isEqualTo(7);
        assertThat(run.epsilon()).isEqualTo(1e-5);
        assertThat(run.towers()).isEmpty();
    }

    @Test
    void readsEveryKindOfValue() {
        Run run = parse("""
                data: {dir: a, split: test, mask-cache: cache}
                train:
                  batch-size: 16_000
                  lr: 1
                  positives: identity
                  betas: [0.5]
                  resume: true
                towers:
                  image: {width: 768}
                stages:
                  - {width: 64, layers: 2}
                seed: 123456789012
                eps: 1e-6
                """);
        assertThat(run.data().maskCache()).isEqualTo(Path.of("cache"));
        assertThat(run.train()).isEqualTo(new Train(16_000, 1, 0.2f, Positives.IDENTITY, List.of(0.5), true));
        assertThat(run.towers()).isEqualTo(Map.of("image", new Tower(12, 768)));
        assertThat(run.stages()).containsExactly(new Tower(2, 64));
        assertThat(run.seed()).isEqualTo(123456789012L);
        assertThat(run.epsilon()).isEqualTo(1e-6);
    }

    @Test
    void aFileMayBeginWithAByteOrderMark(@TempDir Path dir) throws IOException {
        Path file = Files.writeString(dir.resolve("run.yaml"), "\ufeffseed: 9\ndata: {dir: x}\n");

        assertThat(Configs.load(file, List.of(), Run.class).seed()).isEqualTo(9);
    }

    @Test
    void aFolderInTheFilesPlaceIsCalledOne(@TempDir Path dir) {
        assertThatThrownBy(() -> Configs.load(dir, List.of(), Run.class))
                .isInstanceOf(ConfigException.class)
                .hasMessage(dir + ": is a folder, where a file is meant: name the file in it");
    }

    @Test
    void overridesWinInOrderAndCreateSections() {
        Run run = parse(
                "train: {lr: 1e-3}",
                "data.dir=../x y",
                "train.batch-size=8",
                "train.batch-size=32",
                "train.positives=identity",
                "train.betas=[0.1, 0.2]",
                "data.split='null'");
        assertThat(run.data()).isEqualTo(new Data(Path.of("../x y"), "null", null));
        assertThat(run.train()).isEqualTo(new Train(32, 1e-3, 0.2f, Positives.IDENTITY, List.of(0.1, 0.2), false));
    }

    @Test
    void unknownKeysNameLinePathAndNeighbours() {
        assertRefused(
                "data: {dir: x}\ntrain:\n  lr: 1\n  batch-sise: 3\n",
                List.of(),
                "run.yaml:4: train.batch-sise: unknown key. Did you mean train.batch-size?",
                "Known keys in train: batch-size, betas, lr");
        assertRefused(
                "data: {dir: x}",
                List.of("batch-size=3"),
                "override 'batch-size=3': batch-size: unknown key. Did you mean train.batch-size?");
        assertRefused(
                "data: {dir: x}\ntrain: {batch_size: 1}",
                List.of(),
                "train.batch_size",
                "Did you mean train.batch-size?");
        assertRefused("data: {dir: x}\nstages:\n  - width: 3\n    wide: 3", List.of(), "run.yaml:4: stages[0].wide");
        assertRefused("data: {dir: x}\ntowers:\n  text: {widht: 3}", List.of(), "run.yaml:3: towers.text.widht");
    }

    @Test
    void missingRequiredKeysAreNamed() {
        assertRefused(
                "seed: 1", List.of(), "run.yaml: data.dir is missing. Give it as a further argument: data.dir=PATH");
        assertRefused("data:\n  split: x", List.of(), "run.yaml: data.dir is missing.");
        assertRefused("", List.of(), "data.dir");
        assertRefused("data: {dir: }", List.of(), "run.yaml:1: data.dir: expected a path, found nothing");
        assertRefused("data: {dir: ''}", List.of(), "data.dir: expected a path, found ''");
        assertRefused("data: {dir: x}\nstages: [{layers: 3}]", List.of(), "run.yaml:2: stages[0].width");
    }

    @Test
    void wrongTypesSayWhatWasExpectedAndFound() {
        String data = "data: {dir: x}\n";
        assertRefused(
                data + "train:\n  batch-size: many",
                List.of(),
                "run.yaml:3: train.batch-size: expected a whole number, found 'many'");
        assertRefused(data, List.of("train.batch-size=1.5"), "train.batch-size: expected a whole number, found 1.5");
        assertRefused(data, List.of("train.batch-size='8'"), "expected a whole number, found '8'");
        assertRefused(data, List.of("train.batch-size=99999999999"), "expected a whole number, found 99999999999");
        for (String huge : List.of("1e400", "-1e400", "9".repeat(400))) {
            assertRefused(data, List.of("train.lr=" + huge), "train.lr: the number is beyond the largest");
        }
        assertRefused(data, List.of("train.lr=fast"), "train.lr: expected a number, found 'fast'");
        assertRefused(data, List.of("train.resume=1"), "train.resume: expected true or false, found 1");
        assertRefused(data, List.of("train.resume=yes"), "train.resume: expected true or false, found 'yes'");
        assertRefused(data, List.of("train.lr=.nan"), "train.lr");
        assertRefused(data, List.of("train.betas=0.9"), "train.betas: expected a list, found 0.9");
        assertRefused(data, List.of("train.betas=[0.9, x]"), "train.betas[1]: expected a number, found 'x'");
        assertRefused(data, List.of("train=3"), "train: expected a section with the keys batch-size, lr");
        assertRefused(data, List.of("data.dir.sub=3"), "data.dir is 'x', not a section of keys");
        assertRefused(
                data,
                List.of("train.positives=same-txt"),
                "train.positives: expected one of identity, same-text, found 'same-txt'; did you mean same-text?");
        assertRefused(data, List.of("train.positives=1"), "expected one of identity, same-text, found 1");
    }

    @Test
    void recordsValidateThemselves() {
        assertRefused(
                "data: {dir: x}\ntrain:\n  batch-size: 0",
                List.of(),
                "run.yaml:3: train.batch-size must be at least 1, not 0");
        assertRefused(
                "data: {dir: x}\ntrain:\n  lr: 1",
                List.of("train.lr=2", "train.batch-size=-8"),
                "override 'train.batch-size=-8': train.batch-size must be at least 1, not -8");
        assertRefused("train: {lr: 1}", List.of("train.lr=2"), "run.yaml: data.dir is missing.");
    }

    @Test
    void malformedDocumentsNameTheLine() {
        assertRefused("data: {dir: x}\ndata: {dir: y}", List.of(), "run.yaml:2:", "data");
        assertRefused("data: {dir: x\nseed: [", List.of(), "run.yaml:");
        assertRefused("- a\n- b", List.of(), "run.yaml: expected a map of keys, found a list");
        assertRefused("data: &d {dir: x}\ntrain: *d", List.of(), "run.yaml:2: train: YAML aliases are not supported");
        assertRefused("data: {dir: x}\n---\nseed: 3", List.of(), "run.yaml:", "second document");
        assertRefused("data: {dir: x}", List.of("train.lr"), "override 'train.lr': write it as KEY=VALUE");
        assertRefused("data: {dir: x}", List.of("=3"), "write it as KEY=VALUE");
        assertRefused("data: {dir: x}", List.of("train..lr=3"), "write it as KEY=VALUE");
        assertRefused("data: {dir: x}", List.of("train.betas=[1"), "override 'train.betas=[1':");
        assertRefused(
                "data: {dir: x}\ntrain: {lr: 3e-4}",
                List.of("train="),
                "override 'train=': train: is a section, and nothing is given; write one of its keys, such as train.lr=...");
        assertRefused(
                "data: {dir: x}",
                List.of("train.batch-size=99999999999"),
                "expected a whole number, found 99999999999 beyond 2147483647");
    }

    @Test
    void aMissingFileIsNamed(@TempDir Path dir) {
        Path file = dir.resolve("none.yaml");
        assertThatThrownBy(() -> Configs.load(file, List.of(), Run.class))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining(file + ": there is no such configuration file");
    }

    @Test
    void theResolvedConfigurationReadsBackEqual(@TempDir Path dir) throws IOException {
        Run run = parse(
                "data: {dir: 'C: x', split: '12'}\ntrain: {lr: 3e-4}\nstages: [{width: 3}]\ntowers: {a: {width: 1}}");
        Path file = dir.resolve("config.yaml");
        Files.writeString(file, Configs.toYaml(run));
        assertThat(Configs.load(file, List.of(), Run.class)).isEqualTo(run);
        assertThat(Files.readString(file)).contains("batch-size: 64", "positives: same-text", "eps: 1.0E-5");
    }

    @Test
    void theFingerprintDependsOnValuesOnly() {
        String one = Configs.fingerprint(parse("data: {dir: x}\ntrain: {lr: 5.0e-7, batch-size: 64}"));
        assertThat(one).matches("[0-9a-f]{64}");
        assertThat(Configs.fingerprint(parse("# again\ntrain: {batch-size: 64}\ndata:\n  dir: x")))
                .isEqualTo(one);
        assertThat(Configs.fingerprint(parse("data: {dir: x}", "train.lr=5.1e-7")))
                .isNotEqualTo(one);
        assertThat(Configs.fingerprint(parse("data: {dir: x}", "data.mask-cache=x")))
                .isNotEqualTo(one);
    }

    @Test
    void theFingerprintIsTheHashOfTheCanonicalJson() {
        record Pair(int b, double a) {}
        // printf '{"a":0.5,"b":2}' | sha256sum
        assertThat(Configs.fingerprint(new Pair(2, 0.5)))
                .isEqualTo("852e495ebe2e5380e30620f5b6a56d69e26cd283012166437a2ad15fe2b91be8");
    }

    @Test
    void listsItsKeys() {
        assertThat(Configs.keys(Run.class))
                .contains(
                        new Configs.Key("data.dir", "a path", null),
                        new Configs.Key("train.batch-size", "a whole number", "64"),
                        new Configs.Key("train.positives", "one of identity, same-text", "same-text"),
                        new Configs.Key("eps", "a number", "1e-5"));
    }

    record Owner(
            @Default("{batch-size: 3}") @Without({"lr", "betas", "positives=identity"})
            Train train,

            @Default("1") int seed) {}

    @Test
    void whatAnOwnerRefusesOfASectionIsNotListed() {
        assertThat(Configs.keys(Owner.class))
                .extracting(Configs.Key::path)
                .containsExactly("train.batch-size", "train.weight-decay", "train.positives", "train.resume", "seed");
        assertThat(Configs.keys(Owner.class))
                .contains(new Configs.Key("train.positives", "one of same-text", "same-text"));
    }
}
