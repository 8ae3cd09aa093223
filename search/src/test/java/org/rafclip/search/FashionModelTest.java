package org.rafclip.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.data.DataException;
import org.rafclip.data.DrawnPhotos;
import org.rafclip.data.Progress;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.ImageReader;
import org.rafclip.eval.AttributeRecognition;
import org.rafclip.eval.PhotoEvaluation;
import org.rafclip.open.OpenedEncoder;
import org.rafclip.ops.Blas;
import org.rafclip.photos.PhotoConfig;
import org.rafclip.photos.PhotoData;
import org.rafclip.photos.PhotoSplit;
import org.rafclip.photos.PhotoSplits;
import org.rafclip.photos.Vocabulary;
import org.rafclip.search.Recognition.Candidate;

class FashionModelTest {

    /** oneDNN gives an answer the same bits whatever is encoded with it. */
    private static final Offset<Float> ROUNDING = within(Blas.library() == Blas.Library.ONEDNN ? 0f : 1e-5f);

    @TempDir
    static Path dir;

    private static Path folder;
    private static PhotoSplit split;
    private static List<Photo> photos;
    private static FashionModel model;

    @BeforeAll
    static void open() throws IOException {
        folder = SmallModel.in(dir);
        DrawnPhotos.everyGroup(dir.resolve("data"), "train", 12, 1);
        split = new PhotoSplits().split(dir.resolve("data"), "train");
        ImageReader reader = new ImageReader();
        photos = split.items().stream()
                .map(item -> new Photo(reader.read(split.photo(item)), java.util.Optional.of(item.box())))
                .toList();
        model = FashionModel.open(folder, FashionModel.Settings.DEFAULT.withVocabulary(Vocabulary.PAPER));
    }

    @AfterAll
    static void close() {
        model.close();
    }

    @Test
    void vectorsAndAnswersAreThoseOfAMeasurement() throws Exception {
        try (OpenedEncoder encoder = OpenedEncoder.ofModel(folder)) {
            PhotoConfig data = encoder.data().at(dir.resolve("data"), "train");
            PhotoEvaluation measured = PhotoEvaluation.prepare(
                    PhotoData.loader(split.annotations(), data, data.evaluation()), split.items(), 1, 1, Progress.NONE);
            INDArray regions = measured.images(encoder.model(), PhotoEvaluation.Images.REGIONS, false, Progress.NONE);
            List<float[]> embedded = model.embed(photos);
            for (int i = 0; i < photos.size(); i++) {
                assertThat(embedded.get(i)).isEqualTo(regions.getRow(i).toFloatVector());
            }

            List<AttributeRecognition.Group> groups = measured.attributeGroups(encoder.model(), encoder.prompts());
            int[] categories = measured.categoryOf();
            for (int g = 0; g < groups.size(); g++) {
                float[][] scores = AttributeRecognition.scores(regions, categories, groups.get(g));
                for (int i = 0; i < photos.size(); i++) {
                    List<Candidate> seen = model.recognise(photos.get(i), List.of())
                            .groups()
                            .get(g)
                            .candidates();
                    for (Candidate candidate : seen) {
                        int place = groups.get(g).attributes().indexOf(candidate.word());
                        assertThat(candidate.cosine()).isCloseTo(scores[i][place], within(1e-5));
                    }
                }
            }
        }
    }

    @Test
    void probabilitiesAreASoftmaxAndWordsStandAgainstTheTextWithoutThem() {
        Recognition seen = model.recognise(photos.get(0), List.of("puff sleeve", "cargo pocket"));

        assertThat(seen.groups()).extracting(Recognition.Group::name).hasSize(7).endsWith(Recognition.WORDS);
        for (Recognition.Group group : seen.groups().subList(0, 6)) {
            assertThat(group.candidates().stream()
                            .mapToDouble(Candidate::probability)
                            .sum())
                    .isCloseTo(1, within(1e-9));
            assertThat(group.candidates())
                    .isSortedAccordingTo((a, b) -> Double.compare(b.probability(), a.probability()));
        }
        Candidate word = seen.groups().get(6).candidates().get(0);
        float[] image = model.describe(photos.subList(0, 1)).get(0).vector();
        double with = Vectors.dot(
                image,
                model.embedTexts(List.of("a photo of " + word.word() + " clothing"))
                        .get(0));
        double without = Vectors.dot(
                image, model.embedTexts(List.of("a photo of clothing")).get(0));
        double temperature = Math.log(word.probability() / (1 - word.probability())) / (with - without);
        assertThat(word.cosine()).isCloseTo(with, within(1e-6));
        assertThat(temperature).as("exp of the starting logitScale").isCloseTo(1 / 0.07, within(1e-2));
    }

    @Test
    void aModelFolderKnowsTheCategoriesOfDeepFashionAndAsksForAttributesWithTheFirst() throws IOException {
        try (FashionModel named = FashionModel.open(folder)) {
            Recognition seen = named.recognise(photos.get(0), List.of());
            assertThat(seen.category()).hasSize(50).extracting(Candidate::word).contains("dress", "button-down");
            assertThat(seen.category().stream()
                            .mapToDouble(Candidate::probability)
                            .sum())
                    .isCloseTo(1, within(1e-9));
            Candidate attribute = seen.groups().get(0).candidates().get(0);
            String text = "a photo of " + attribute.word() + " "
                    + seen.category().get(0).word();
            double cosine = Vectors.dot(
                    named.embed(photos.subList(0, 1)).get(0),
                    named.embedTexts(List.of(text)).get(0));
            assertThat(attribute.cosine()).isCloseTo(cosine, within(1e-6));
        }
    }

    @Test
    void aWholePhotoAndABoxAroundItAreTheSame() {
        Photo whole = new Photo(photos.get(0).image(), java.util.Optional.empty());
        Photo around = whole.in(new Box(-5, -5, 4000, 4000));

        assertThat(model.embed(List.of(whole)).get(0))
                .isEqualTo(model.embed(List.of(around)).get(0));
        assertThatThrownBy(() -> model.embed(List.of(whole.in(new Box(5000, 0, 5010, 10)))))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("the box 5000,0,11,11 (x, y, width, height) has no pixel in the photo of");
    }

    @Test
    void withoutAComposerImageAndChangeAreAdded() {
        Composed composed = model.compose(photos.get(0), "is striped");
        float[] image = model.embed(photos.subList(0, 1)).get(0);
        float[] text = model.embedTexts(List.of("is striped")).get(0);

        assertThat(composed.how()).contains("no composer");
        assertThat(composed.gates()).isEmpty();
        float[] sum = Vectors.unit(Vectors.sum(List.of(image, text)));
        for (int i = 0; i < sum.length; i++) {
            assertThat(composed.vector()[i]).isCloseTo(sum[i], within(1e-6f));
        }
        assertThatThrownBy(() -> model.compose(photos.get(0), " ")).hasMessageContaining("the change is empty");
    }

    @Test
    void manyThreadsGetTheAnswersOfOne() throws Exception {
        List<float[]> alone =
                photos.stream().map(photo -> model.embed(List.of(photo)).get(0)).toList();
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try {
            List<Future<List<float[]>>> answers = new ArrayList<>();
            for (int t = 0; t < 24; t++) {
                int from = t % photos.size();
                answers.add(threads.submit(() -> model.embed(photos.subList(from, photos.size()))));
            }
            for (int t = 0; t < answers.size(); t++) {
                List<float[]> answer = answers.get(t).get();
                for (int i = 0; i < answer.size(); i++) {
                    assertThat(answer.get(i)).containsExactly(alone.get(t % photos.size() + i), ROUNDING);
                }
            }
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void aTextsVectorIsItsOwnWhateverIsEncodedWithIt() throws IOException {
        List<String> texts =
                List.of("red", "a photo of floral clothing", "long sleeve", "a photo of red cotton clothing");
        List<float[]> together = model.embedTexts(texts);
        for (int i = 0; i < texts.size(); i++) {
            try (FashionModel other = FashionModel.open(folder)) {
                assertThat(other.embedTexts(texts.subList(i, i + 1)).get(0)).containsExactly(together.get(i), ROUNDING);
            }
        }
    }

    @Test
    void whoComesWhenTooMuchWaitsIsSentAway() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        Encoding.Kind<Integer, Integer> slow = new Encoding.Kind<>(2, some -> {
            begun.countDown();
            try {
                go.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            return some.stream().map(n -> n + 1).toList();
        });
        ExecutorService threads = Executors.newFixedThreadPool(3);
        try (Encoding encoding = new Encoding(3)) {
            Future<List<Integer>> running = threads.submit(() -> encoding.run(slow, List.of(1)));
            begun.await();
            List<Future<List<Integer>>> waiting = IntStream.range(0, 2)
                    .mapToObj(i -> threads.submit(() -> encoding.run(slow, List.of(10 + i))))
                    .toList();
            while (encoding.waiting() < 2) {
                Thread.onSpinWait();
            }
            assertThatThrownBy(() -> encoding.run(slow, List.of(1, 2))).isInstanceOf(Busy.class);
            go.countDown();
            assertThat(running.get()).containsExactly(2);
            assertThat(waiting.get(0).get()).containsExactly(11);
            assertThat(waiting.get(1).get()).containsExactly(12);
            assertThat(encoding.run(slow, List.of(1, 2, 3, 4, 5)))
                    .as("more than the limit where nothing waits")
                    .containsExactly(2, 3, 4, 5, 6);
        } finally {
            go.countDown();
            threads.shutdownNow();
        }
    }

    @Test
    void whatIsClosedSaysSo() throws IOException {
        FashionModel closed = FashionModel.open(
                folder,
                FashionModel.Settings.DEFAULT.withVocabulary(new Vocabulary(List.of(), List.of("dress", "skirt"))));
        assertThat(closed.recognise(photos.get(0), List.of()).category())
                .extracting(Candidate::word)
                .containsExactlyInAnyOrder("dress", "skirt");
        closed.embedTexts(List.of("red"));
        closed.close();
        closed.close();

        assertThatThrownBy(() -> closed.embed(photos)).hasMessage("the model is closed");
        assertThatThrownBy(() -> closed.embedTexts(List.of("red")))
                .as("a text that was encoded before")
                .hasMessage("the model is closed");
    }
}
