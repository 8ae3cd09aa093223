package org.rafclip.experiment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rafclip.agcn.compose.ComposerConfig;
import org.rafclip.photos.PhotoConfig;
import org.rafclip.run.ConfigException;

class ModelsTest {

    @TempDir
    static Path dir;

    private static DrawnSuite drawn;
    private static Models models;
    private static String encoder;
    private static String composer;

    @BeforeAll
    static void draw() throws IOException {
        drawn = DrawnSuite.in(dir);
        models = drawn.models();
        encoder = encoder(models);
        composer = composer(models);
    }

    private static String encoder(Models models, String... overrides) throws IOException {
        return models.encoders("x", List.of(overrides)).get(0).inputs().name();
    }

    private static String composer(Models models, String... overrides) throws IOException {
        return models.composers("x", List.of(overrides)).get(0).inputs().name();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "data.threads=7",
                "data.prefetch=9",
                "data.memory-mb=5",
                "data.cache=elsewhere",
                "train.checkpoint-every=17"
            })
    void foldersAndThreadsDoNotNameAnEncoder(String override) throws IOException {
        assertThat(encoder(models, override)).isEqualTo(encoder);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "train.lr=2e-3",
                "train.epochs=3",
                "train.batch-size=5",
                "train.micro-batch=3",
                "train.validate-every=2",
                "train.freeze=['visual.*']",
                "loss.alpha=0.3",
                "data.held-out=0.5",
                "data.segmenter=ellipse",
                "data.mirror=true",
                "data.unseen=[striped]",
                "data.train.crop='squash(40) | normalize(clip)'",
                "model.clip.embed-width=8"
            })
    void whatChangesTheWeightsNamesAnEncoder(String override) throws IOException {
        assertThat(encoder(models, override)).isNotEqualTo(encoder);
    }

    @ParameterizedTest
    @ValueSource(strings = {"data.threads=7", "data.features=elsewhere", "train.checkpoint-every=17"})
    void foldersAndThreadsDoNotNameAComposer(String override) throws IOException {
        assertThat(composer(models, override)).isEqualTo(composer);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "composer.kind=add",
                "composer.gates.shape=vector",
                "train.lr=2e-3",
                "loss.temperature=5",
                "data.image=crops",
                "data.storage=fp16",
                "data.triplets.seed=2"
            })
    void whatChangesTheWeightsNamesAComposer(String override) throws IOException {
        assertThat(composer(models, override)).isNotEqualTo(composer);
    }

    @Test
    void aComposerIsNamedByItsEncoderToo() throws IOException {
        Models other = drawn.models("rafclip.overrides=['train.lr=2e-3']");

        assertThat(composer(other)).isNotEqualTo(composer);
    }

    @Test
    void theSuitesOwnFolderAndThatOfThePhotosDoNotNameModels() throws IOException {
        Path copy = dir.resolve("it's a copy");
        try (Stream<Path> files = Files.walk(drawn.data())) {
            for (Path file : files.toList()) {
                Files.copy(file, copy.resolve(drawn.data().relativize(file).toString()));
            }
        }
        Models moved = drawn.models(drawn.config("output.dir=out2").withPhotos(copy));

        assertThat(encoder(moved)).isEqualTo(encoder);
        assertThat(composer(moved)).isEqualTo(composer);
        assertThat(moved.rafclip().config().data().dir()).isEqualTo(copy.toAbsolutePath());

        Path labels = copy.resolve("Anno_fine/train_attr.txt");
        Files.writeString(labels, Files.readString(labels).replaceFirst("^0", "1"));
        assertThat(encoder(drawn.models(drawn.config().withPhotos(copy))))
                .as("with another label")
                .isNotEqualTo(encoder);
    }

    @Test
    void aPhotosContentNamesModels() throws IOException {
        DrawnSuite painted = DrawnSuite.in(Files.createDirectories(dir.resolve("painted")));
        String before = encoder(painted.models());
        Path img = painted.data().resolve("img");
        Files.copy(img.resolve("other-24.png"), img.resolve("train-0.png"), StandardCopyOption.REPLACE_EXISTING);

        assertThat(before).isEqualTo(encoder);
        assertThat(encoder(painted.models())).isNotEqualTo(before);
    }

    @Test
    void weightsAreNamedByTheirContentAndNotByTheirFolder() throws IOException {
        Path one = weights("one", "abc");
        Path same = weights("same", "abc");
        Path other = weights("other", "abd");

        assertThat(startingFrom(same)).isEqualTo(startingFrom(one));
        assertThat(startingFrom(other)).isNotEqualTo(startingFrom(one));
    }

    private static Path weights(String name, String content) throws IOException {
        Path folder = Files.createDirectories(dir.resolve("weights").resolve(name));
        Files.writeString(folder.resolve("model.safetensors"), content);
        return folder;
    }

    private static String startingFrom(Path weights) throws IOException {
        return encoder(models, "model.clip=null", "model.weights=" + weights);
    }

    @Test
    void everySeedIsAModelInAFolderOfItsName() throws IOException {
        List<Subject.Encoder> encoders = drawn.models("seeds=[4, 9]").rafclips();

        assertThat(encoders).extracting(Subject.Encoder::seed).containsExactly(4L, 9L);
        assertThat(encoders).extracting(encoder -> encoder.inputs().name()).doesNotHaveDuplicates();
        assertThat(encoders)
                .allSatisfy(encoder -> assertThat(encoder.folder())
                        .hasFileName(encoder.inputs().name())
                        .hasParentRaw(dir.resolve("out")));
        assertThat(encoders.get(0).inputs().name()).startsWith("rafclip-");
    }

    @Test
    void composersTakeTheEncodersInTurns() throws IOException {
        Models several = drawn.models("seeds=[4, 9]", "composer-seeds=[1, 2, 3]");
        List<Subject.Composer> composers = several.composers("AGCN", List.of());

        assertThat(composers).extracting(Subject.Composer::seed).containsExactly(1L, 2L, 3L);
        assertThat(composers).extracting(composer -> composer.encoder().seed()).containsExactly(4L, 9L, 4L);
        assertThat(composers)
                .allSatisfy(composer -> assertThat(composer.config().rafclip().run())
                        .isEqualTo(composer.encoder().folder()));
        assertThat(composers.get(0).config().composer().kind()).isEqualTo(ComposerConfig.Kind.AGCN);
        assertThat(Models.withEncoders(composers))
                .containsExactly(
                        composers.get(0).encoder(),
                        composers.get(1).encoder(),
                        composers.get(0),
                        composers.get(1),
                        composers.get(2));
    }

    @Test
    void completeSeesWholePhotosInBothBranches() throws IOException {
        PhotoConfig complete = models.completes().get(0).config().data();

        assertThat(complete.train().crop()).isEqualTo("squash(40) | flip(0.5) | normalize(clip)");
        assertThat(complete.train().region()).isEqualTo(complete.train().crop());
        assertThat(complete.evaluation().region())
                .isEqualTo(complete.evaluation().crop())
                .isEqualTo("squash(40) | normalize(clip)");
    }

    @Test
    void aStartIsWhatItsTrainingStartsFrom() throws IOException {
        Subject.Start start = models.starts().get(0);

        assertThat(start.label()).isEqualTo("Random start");
        assertThat(start.inputs().name())
                .startsWith("start-")
                .isNotEqualTo(models.rafclip().inputs().name());
        assertThat(start.stage()).isEqualTo("make Random start, seed 1");
        assertThat(models.rafclip().stage()).isEqualTo("train RaF-CLIP, seed 1");
    }

    @Test
    void composersNeedTheirSection() {
        assertThatThrownBy(() -> drawn.models("agcn=null").composers("AGCN", List.of()))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("has no section agcn");
    }
}
