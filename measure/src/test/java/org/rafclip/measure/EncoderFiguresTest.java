package org.rafclip.measure;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DrawnPhotos;
import org.rafclip.data.Stages;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.image.Box;
import org.rafclip.data.text.Prompts;
import org.rafclip.eval.PhotoEvaluation.Images;
import org.rafclip.open.OpenedEncoder;
import org.rafclip.photos.PhotoSplits;

class EncoderFiguresTest {

    private static final int PHOTOS = 16;
    private static final int QUERIES = 3;
    private static final int ANSWERS = 3;

    @TempDir
    static Path dir;

    private static OpenedEncoder encoder;
    private static EncoderEvaluator evaluator;

    @BeforeAll
    static void open() throws Exception {
        Path data = dir.resolve("data");
        DrawnPhotos.striped(data, "train", PHOTOS, 9);
        encoder = RandomEncoder.in(dir, data);
        evaluator = EncoderEvaluator.of(
                encoder,
                MeasuredPhotos.of(encoder, new PhotoSplits(), encoder.data(), Selection.ALL, false),
                Stages.NONE);
    }

    @AfterAll
    static void close() {
        evaluator.close();
        encoder.close();
    }

    private static EncoderFigures figures(long seed) {
        return new EncoderFigures(
                new FigureConfig(QUERIES, ANSWERS, seed),
                photo -> photo.getFileName().toString());
    }

    private static AttributeTaxonomy taxonomy() {
        return evaluator.photos().taxonomy();
    }

    /** Every figure of a seed. */
    private static List<Figure> all(long seed) {
        EncoderFigures figures = figures(seed);
        List<Figure.Query> attributes = figures.attributeRetrieval(
                "x",
                evaluator,
                figures.attributes(taxonomy(), evaluator.photos().items()));
        return List.of(
                figures.recognition("3", "x", evaluator),
                new Figure("4", attributes, List.of()),
                figures.textToImage("5", "x", evaluator, Images.CROPS),
                figures.imageToText("5", "x", evaluator, Images.CROPS));
    }

    @Test
    void figuresAreAFunctionOfTheSeed() {
        List<Figure> one = all(1);
        List<Figure> two = all(2);

        assertThat(all(1)).isEqualTo(one);
        for (int figure = 0; figure < one.size(); figure++) {
            assertThat(two.get(figure)).as("figure " + figure).isNotEqualTo(one.get(figure));
        }
    }

    @Test
    void answersAreRankedAndNamedRightByTheirLabels() {
        List<Figure> figures = all(2);
        for (Figure figure : figures.subList(1, 4)) {
            assertThat(figure.queries()).hasSize(QUERIES);
            for (Figure.Query query : figure.queries()) {
                assertThat(query.answers())
                        .hasSize(ANSWERS)
                        .isSortedAccordingTo((a, b) -> Double.compare(b.score(), a.score()));
                assertThat(query.answers()).extracting(Figure.Answer::rank).containsExactly(1, 2, 3);
            }
        }
        for (Figure.Query query : figures.get(1).queries()) {
            assertThat(query.picture().labels())
                    .as("a query has the attribute asked for")
                    .contains(query.text());
            assertThat(query.answers()).allSatisfy(answer -> {
                assertThat(answer.right()).isEqualTo(answer.picture().labels().contains(query.text()));
                assertThat(answer.picture().file()).isNotEqualTo(query.picture().file());
            });
        }
        List<String> textOf = evaluator.photos().queries(Prompts.PAPER).stream()
                .map(wordings -> wordings.get(0))
                .toList();
        for (Figure.Query query : figures.get(2).queries()) {
            assertThat(query.answers())
                    .allSatisfy(answer -> assertThat(answer.right())
                            .isEqualTo(textOf.get(photo(answer.picture())).equals(query.text())));
        }
        for (Figure.Query query : figures.get(3).queries()) {
            String right = textOf.get(photo(query.picture()));
            assertThat(query.answers()).allSatisfy(answer -> {
                assertThat(answer.right()).isEqualTo(answer.text().equals(right));
                assertThat(answer.expected()).isEqualTo(answer.right() ? null : right);
            });
        }
    }

    /** The index of a photo by its file, such as train-3.jpg. */
    private static int photo(Figure.Picture picture) {
        return Integer.parseInt(picture.file().replaceAll("\\D", ""));
    }

    @Test
    void recognitionAnswersEveryLabelledGroup() {
        Figure figure = figures(5).recognition("3", "x", evaluator);

        assertThat(figure.queries())
                .hasSize(QUERIES)
                .extracting(query -> query.picture().file())
                .doesNotHaveDuplicates();
        for (Figure.Query query : figure.queries()) {
            FashionItem item = evaluator.photos().items().get(photo(query.picture()));
            assertThat(query.answers()).hasSameSizeAs(taxonomy().groups());
            for (int g = 0; g < taxonomy().groups().size(); g++) {
                AttributeTaxonomy.Group group = taxonomy().group(g);
                Figure.Answer answer = query.answers().get(g);
                String label = group.words(item.attributes().get(g));
                assertThat(answer.right()).isEqualTo(answer.text().equals(group.name() + ": " + label));
                assertThat(answer.expected()).isEqualTo(answer.right() ? null : label);
            }
        }
    }

    private static FashionItem labelled(int line, Integer... attributes) {
        return new FashionItem(
                "img/" + line + ".jpg",
                "img/" + line + ".jpg",
                new Box(0, 0, 10, 10),
                Optional.empty(),
                List.of(attributes),
                List.of(),
                line);
    }

    private static EncoderFigures.Attribute paperAttribute() {
        for (int g = 0; g < taxonomy().groups().size(); g++) {
            int label = taxonomy().group(g).attributes().indexOf("v_neckline");
            if (label >= 0) {
                return new EncoderFigures.Attribute(g, label);
            }
        }
        throw new AssertionError("the taxonomy has no v_neckline");
    }

    /** Items of which each has the same label in every group, but for the neckline. */
    private static List<FashionItem> items(int count, int vNecklines) {
        EncoderFigures.Attribute paper = paperAttribute();
        int other = paper.label() == 0 ? 1 : 0;
        List<FashionItem> items = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Integer[] labels = new Integer[taxonomy().groups().size()];
            Arrays.fill(labels, 0);
            labels[0] = i % 3;
            labels[paper.group()] = i < vNecklines ? paper.label() : other;
            items.add(labelled(i + 1, labels));
        }
        return items;
    }

    @Test
    void thePapersAttributeIsAskedFirstAndTheOthersAreDrawn() {
        List<FashionItem> items = items(12, 4);
        Set<List<EncoderFigures.Attribute>> different = new HashSet<>();
        for (long seed = 0; seed < 10; seed++) {
            List<EncoderFigures.Attribute> asked = figures(seed).attributes(taxonomy(), items);
            assertThat(asked).hasSize(QUERIES).doesNotHaveDuplicates().startsWith(paperAttribute());
            assertThat(asked)
                    .as("whoever asks needs one that answers")
                    .allMatch(attribute -> items.stream().filter(attribute::of).count() > 1);
            assertThat(figures(seed).attributes(taxonomy(), items)).isEqualTo(asked);
            different.add(asked);
        }
        assertThat(different).hasSizeGreaterThan(5);
    }

    @Test
    void anAttributeOfOnePhotoIsNotAskedFor() {
        assertThat(figures(1).attributes(taxonomy(), items(12, 1)))
                .hasSize(QUERIES)
                .doesNotContain(paperAttribute());
    }

    @Test
    void fewAttributesAreAllAskedFor() {
        List<FashionItem> items = List.of(
                labelled(1, 0, -1, -1, -1, -1, -1),
                labelled(2, 0, -1, -1, -1, -1, -1),
                labelled(3, 1, -1, -1, -1, -1, -1));

        assertThat(figures(1).attributes(taxonomy(), items)).containsExactly(new EncoderFigures.Attribute(0, 0));
    }
}
