package org.rafclip.agcn.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.agcn.compose.ComposerConfig;
import org.rafclip.agcn.compose.ComposerModel;
import org.rafclip.agcn.features.EncodedData;
import org.rafclip.agcn.features.FeatureCache;
import org.rafclip.agcn.features.FeatureKey;
import org.rafclip.agcn.features.FeatureSource;
import org.rafclip.agcn.features.Features;
import org.rafclip.clip.ClipConfig.Pool;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.ops.JavaOps;
import org.rafclip.run.Configs;

/** On the plane, where {@code sum} adds the reference's vector and the text's. */
class DialogSessionTest {

    private static final List<String> IDS = List.of("a", "b", "c", "twice c", "e");
    private static final float[][] VECTORS = {{1, 0}, {0, 1}, {3, 4}, {6, 8}, {-1, 0}};
    private static final Map<String, float[]> TEXTS =
            Map.of("up", new float[] {0, 1}, "left", new float[] {-3, -1}, "right", new float[] {2, 0});

    @TempDir
    Path dir;

    private ComposerModel sum;
    private ImageSearch search;

    @BeforeEach
    void open() throws IOException {
        JavaOps.install();
        ComposerConfig config = Configs.parse("{kind: sum}", "composer", List.of(), ComposerConfig.class);
        sum = new ComposerModel(new ComposerModel.Description(config, 2, Pool.MEAN, "plane"), 1);
        FeatureCache images = cache("images", IDS, VECTORS);
        FeatureCache texts = cache("texts", List.of("unused"), new float[][] {{1, 1}});
        search = new ImageSearch(
                sum,
                text -> features(new float[][] {TEXTS.get(text)}),
                new EncodedData(images, IDS, texts, List.of("unused")),
                IDS);
    }

    @AfterEach
    void close() {
        sum.close();
    }

    private static Features features(float[][] vectors) {
        int[] lengths = new int[vectors.length];
        Arrays.fill(lengths, 1);
        return new Features(
                Nd4j.createFromArray(vectors).reshape(vectors.length, 1, 2), lengths, Nd4j.createFromArray(vectors));
    }

    private FeatureCache cache(String name, List<String> names, float[][] vectors) throws IOException {
        FeatureSource source = new FeatureSource() {
            @Override
            public int rows() {
                return names.size();
            }

            @Override
            public String name(int row) {
                return names.get(row);
            }

            @Override
            public Features encode(int from, int to) {
                return features(Arrays.copyOfRange(vectors, from, to));
            }
        };
        return FeatureCache.build(
                dir.resolve(name),
                new FeatureKey("plane", name, "none"),
                source,
                2,
                FeatureCache.Storage.FP32,
                Progress.NONE);
    }

    private DialogSession session(int hits, boolean withReferences, boolean withShown) {
        return new DialogSession(search, new DialogSession.Rules(hits, withReferences, withShown));
    }

    private static List<String> ids(Turn turn) {
        return turn.hits().stream().map(Hit::id).toList();
    }

    @Test
    void twoTurnsAreThoseComputedByHand() {
        DialogSession session = session(5, true, true);
        session.startFrom("a");

        // (1, 0) + (0, 1), at length 1 (1, 1) / √2
        Turn first = session.refine("up");
        double half = Math.sqrt(0.5);
        assertThat(ids(first)).containsExactly("c", "twice c", "a", "b", "e");
        double[] cosines = {1.4 * half, 1.4 * half, half, half, -half};
        for (int i = 0; i < cosines.length; i++) {
            assertThat(first.hits().get(i).score()).isCloseTo(cosines[i], within(1e-6));
        }
        session.choose(first.hits().get(0));
        assertThat(session.reference()).contains("c");

        // (3, 4) + (−3, −1) = (0, 3): the reference enters at its own length
        Turn second = session.refine("left");
        assertThat(ids(second)).containsExactly("b", "c", "twice c", "a", "e");
        assertThat(second.hits().get(0).score()).isCloseTo(1, within(1e-6));
        assertThat(second.hits().get(2).score()).isCloseTo(0.8, within(1e-6));
        assertThat(session.history())
                .containsExactly(
                        new Turn(
                                Optional.of("a"),
                                "up",
                                first.hits(),
                                Optional.of(first.hits().get(0))),
                        second);
    }

    @Test
    void aTurnDependsOnItsReferenceAlone() {
        DialogSession session = session(5, true, true);
        session.startFrom("e");
        session.choose(session.refine("up").hits().get(1));
        DialogSession fresh = session(5, true, true);
        fresh.startFrom(session.reference().orElseThrow());

        assertThat(session.refine("left").hits()).isEqualTo(fresh.refine("left").hits());
    }

    @Test
    void aTextStartsToo() {
        DialogSession session = session(2, true, true);

        Turn first = session.startWith("right");

        assertThat(first.reference()).isEmpty();
        assertThat(ids(first)).containsExactly("a", "c");
        assertThatThrownBy(() -> session.refine("up"))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("choose one of the hits first");
        session.choose(first.hits().get(0));
        assertThat(ids(session.refine("up"))).containsExactly("c", "twice c");
    }

    @Test
    void referencesAndWhatWasShownStayOutOnRequest() {
        DialogSession withoutReferences = session(5, false, true);
        withoutReferences.startFrom("a");
        Turn first = withoutReferences.refine("up");
        assertThat(ids(first)).containsExactly("c", "twice c", "b", "e");
        withoutReferences.choose(first.hits().get(0));
        assertThat(ids(withoutReferences.refine("left"))).containsExactly("b", "twice c", "e");

        DialogSession fresh = session(2, true, false);
        fresh.startFrom("a");
        fresh.choose(fresh.refine("up").hits().get(1));
        assertThat(ids(fresh.refine("left"))).containsExactly("b", "a");
        assertThat(ids(fresh.refine("left"))).containsExactly("e");
        assertThat(ids(fresh.refine("left"))).isEmpty();
    }

    @Test
    void whateverWasDoneLastIsTakenBack() {
        DialogSession session = session(2, true, false);
        assertThat(session.back()).isFalse();
        session.startFrom("a");
        Turn first = session.refine("up");
        session.choose(first.hits().get(0));
        session.refine("left");

        assertThat(session.back()).isTrue();
        assertThat(session.reference()).contains("c");
        assertThat(session.history()).hasSize(1);
        assertThat(session.back()).isTrue();
        assertThat(session.reference()).contains("a");
        assertThat(session.history()).containsExactly(first);
        assertThat(session.back()).isTrue();
        assertThat(session.refine("up")).isEqualTo(first);
        session.choose(first.hits().get(1));
        session.choose(first.hits().get(0));
        assertThat(session.history().get(0).chosen()).contains(first.hits().get(0));
    }

    @Test
    void whatIsNotThereIsNamed() {
        DialogSession session = session(2, true, true);
        assertThatThrownBy(() -> session.startFrom("z"))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll("'z'", "gallery of 5", "'a'");
        assertThatThrownBy(() -> session.refine("up")).hasMessageContaining("nothing to refine yet");
        session.startFrom("a");
        assertThatThrownBy(() -> session.refine(" ")).hasMessageContaining("text is empty");
        session.refine("up");
        assertThatThrownBy(() -> session.choose(new Hit("e", 0.5)))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("'e' is not in the last answer");
        assertThatThrownBy(() -> search.byText("up", 3, Set.of("z"))).hasMessageContaining("'z'");
        assertThatThrownBy(() -> session(0, true, true)).hasMessageContaining("at least 1");
    }
}
