package org.rafclip.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.data.DataException;
import org.rafclip.data.DrawnPhotos;
import org.rafclip.data.Stages;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.text.Prompts;
import org.rafclip.eval.AttributeRecognition;
import org.rafclip.eval.AttributeResult;
import org.rafclip.eval.PhotoEvaluation.Images;
import org.rafclip.eval.Retrieval;
import org.rafclip.eval.RetrievalResult;
import org.rafclip.open.OpenedEncoder;
import org.rafclip.photos.PhotoSplits;

/** An encoder with random weights on drawn photos: every figure counted again from the raw answers. */
class EncoderEvaluatorTest {

    private static final int PHOTOS = 24;

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

    private static List<JsonNode> lines(Path file) throws IOException {
        List<JsonNode> lines = new ArrayList<>();
        for (String line : Files.readAllLines(file)) {
            lines.add(new ObjectMapper().readTree(line));
        }
        return lines;
    }

    @Test
    void anEvaluationSaysWhatWasMeasuredOnWhat() {
        EncoderOnPhotos measured = evaluator.attributes().measured();

        assertThat(measured.model()).isEqualTo(dir.resolve("model").toString());
        assertThat(measured.checkpoint()).isNull();
        assertThat(measured.photos()).isEqualTo(PHOTOS);
        assertThat(measured.trainedOn()).isNull();
        assertThat(measured.split()).isEqualTo("train");
        assertThat(measured.method()).isEqualTo("CLIP, model");
        assertThat(measured.novelty()).contains("is not known");
    }

    @Test
    void accuracyBalancedAccuracyAndMacroF1FollowFromThePredictions() throws IOException {
        Path file = dir.resolve("attributes.jsonl");
        Predictions.write(file, evaluator::predictAttributes);
        AttributeResult result = evaluator.attributes().result();

        List<JsonNode> lines = lines(file);
        assertThat(lines).hasSize(PHOTOS);
        double accuracies = 0;
        for (AttributeResult.Group group : result.groups()) {
            Map<String, int[]> counts = new TreeMap<>();
            int right = 0;
            int n = 0;
            for (JsonNode line : lines) {
                JsonNode one = line.path(group.name());
                String best = null;
                for (Map.Entry<String, JsonNode> score : one.path("scores").properties()) {
                    if (best == null
                            || score.getValue().asDouble()
                                    > one.path("scores").path(best).asDouble()) {
                        best = score.getKey();
                    }
                }
                assertThat(one.path("answer").asText()).isEqualTo(best);
                if (!one.path("truth").isNull()) {
                    String truth = one.path("truth").asText();
                    n++;
                    right += truth.equals(best) ? 1 : 0;
                    counts.computeIfAbsent(truth, fresh -> new int[3])[0]++;
                    counts.computeIfAbsent(best, fresh -> new int[3])[1]++;
                    counts.get(truth)[2] += truth.equals(best) ? 1 : 0;
                }
            }
            accuracies += (double) right / n;
            assertThat(group.accuracy()).isCloseTo((double) right / n, within(1e-12));
            assertThat(group.balancedAccuracy())
                    .isCloseTo(
                            counts.values().stream()
                                    .filter(count -> count[0] > 0)
                                    .mapToDouble(count -> (double) count[2] / count[0])
                                    .average()
                                    .orElseThrow(),
                            within(1e-12));
            assertThat(group.macroF1())
                    .isCloseTo(
                            counts.values().stream()
                                    .mapToDouble(count -> 2.0 * count[2] / (count[0] + count[1]))
                                    .average()
                                    .orElseThrow(),
                            within(1e-12));
        }
        assertThat(result.meanAccuracy()).isCloseTo(accuracies / result.groups().size(), within(1e-12));
    }

    @Test
    void recallFollowsFromTheRankings() throws IOException {
        Path file = dir.resolve("retrieval.jsonl");
        Predictions.write(file, out -> evaluator.predictRetrieval(out, Images.REGIONS, 50));
        RetrievalResult result = evaluator.retrieval(Images.REGIONS).result();

        List<JsonNode> lines = lines(file);
        assertThat(lines).hasSize(2 * PHOTOS);
        Map<String, RetrievalResult.Direction> directions = new LinkedHashMap<>();
        directions.put("text-to-image", result.textToImage());
        directions.put("image-to-text", result.imageToText());
        directions.forEach((direction, figures) -> {
            for (int k : Retrieval.PAPER_KS) {
                int instance = 0;
                int label = 0;
                for (JsonNode line : lines) {
                    if (line.path("direction").asText().equals(direction)) {
                        List<String> first = new ArrayList<>();
                        line.path("ranked").forEach(id -> first.add(id.asText()));
                        first.subList(Math.min(k, first.size()), first.size()).clear();
                        Set<String> right = new LinkedHashSet<>();
                        line.path("right").forEach(id -> right.add(id.asText()));
                        instance += first.contains(line.path("truth").asText()) ? 1 : 0;
                        label += first.stream().anyMatch(right::contains) ? 1 : 0;
                    }
                }
                assertThat(figures.instance().at(k).recall()).isCloseTo((double) instance / PHOTOS, within(1e-12));
                assertThat(figures.label().at(k).recall()).isCloseTo((double) label / PHOTOS, within(1e-12));
            }
        });
    }

    /** The photos with captions: none for every fourth, and two that are the same for all others. */
    private static EncoderEvaluator captioned(OpenedEncoder opened) throws Exception {
        MeasuredPhotos labelled = evaluator.given();
        List<FashionItem> items = labelled.items().stream()
                .map(item -> item.withCaptions(
                        item.line() % 4 == 0 ? List.of() : List.of("number " + item.line(), "kind " + item.line() % 3)))
                .toList();
        return EncoderEvaluator.of(
                opened, new MeasuredPhotos(labelled.split(), items, false, labelled.preparation(), false), Stages.NONE);
    }

    @Test
    void recallOfCaptionsFollowsFromTheRankings() throws Exception {
        Path file = dir.resolve("captions.jsonl");
        try (EncoderEvaluator captions = captioned(encoder)) {
            Predictions.write(file, out -> captions.predictCaptions(out, Images.CROPS, 50));
            RetrievalEvaluation evaluation = captions.retrieval(Images.CROPS, RetrievalEvaluation.Texts.CAPTIONS);
            RetrievalResult result = evaluation.result();

            int photos = PHOTOS - PHOTOS / 4;
            assertThat(result.n()).isEqualTo(2 * photos);
            assertThat(result.distinctTexts()).isEqualTo(photos + 3);
            assertThat(result.textToImage().instance().queries()).isEqualTo(2 * photos);
            assertThat(result.textToImage().instance().gallery()).isEqualTo(photos);
            assertThat(result.imageToText().instance().queries()).isEqualTo(photos);
            assertThat(result.imageToText().instance().gallery()).isEqualTo(2 * photos);
            List<JsonNode> lines = lines(file);
            assertThat(lines).hasSize(3 * photos);
            Map<String, RetrievalResult.Direction> directions = new LinkedHashMap<>();
            directions.put("text-to-image", result.textToImage());
            directions.put("image-to-text", result.imageToText());
            directions.forEach((direction, figures) -> {
                for (int k : Retrieval.PAPER_KS) {
                    int queries = 0;
                    int instance = 0;
                    int label = 0;
                    for (JsonNode line : lines) {
                        if (line.path("direction").asText().equals(direction)) {
                            queries++;
                            List<String> first = new ArrayList<>();
                            line.path("ranked").forEach(id -> first.add(id.asText()));
                            first.subList(Math.min(k, first.size()), first.size())
                                    .clear();
                            Set<String> right = new LinkedHashSet<>();
                            line.path("right").forEach(id -> right.add(id.asText()));
                            String photo = line.path("id").asText().replaceAll(":[12]$", "");
                            instance += first.stream()
                                            .anyMatch(id ->
                                                    id.replaceAll(":[12]$", "").equals(photo))
                                    ? 1
                                    : 0;
                            label += first.stream().anyMatch(right::contains) ? 1 : 0;
                        }
                    }
                    assertThat(figures.instance().at(k).recall()).isCloseTo((double) instance / queries, within(1e-12));
                    assertThat(figures.label().at(k).recall()).isCloseTo((double) label / queries, within(1e-12));
                }
            });
            assertThat(evaluation.row("CLIP").setting().toString()).contains("the photos' captions");
        }
    }

    @Test
    void captionsAreAskedForWhereThereAreSome() {
        assertThatThrownBy(() -> evaluator.retrieval(Images.CROPS, RetrievalEvaluation.Texts.CAPTIONS))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("none of the 24 photos has a caption");
    }

    @Test
    void ofSeveralTemplatesTheMeanDirectionIsAsked() throws Exception {
        Prompts two = new Prompts(
                Prompts.PAPER.category(),
                List.of("a photo of {attribute} {category}", "{attribute}"),
                List.of("{color}"));
        OpenedEncoder worded = new OpenedEncoder(
                encoder.source(),
                null,
                encoder.model(),
                encoder.hash(),
                encoder.data(),
                two,
                0,
                encoder.weights(),
                null);
        EncoderEvaluator asked = new EncoderEvaluator(worded, evaluator.given(), evaluator.photos(), Stages.NONE);
        AttributeRecognition.Group group =
                asked.photos().attributeGroups(worded.model(), worded.prompts()).get(0);

        String words = group.attributes().get(1);
        INDArray paper = encoder.model().encodeTexts(List.of("a photo of " + words + " clothing"));
        INDArray bare = encoder.model().encodeTexts(List.of(words));
        INDArray mean = paper.add(bare);
        mean.divi(mean.norm2Number());
        assertThat(group.texts().shape()).startsWith(1, group.attributes().size());
        INDArray found = group.texts().slice(0).getRow(1, true);
        assertThat(found.sub(mean).amaxNumber().doubleValue()).isLessThan(1e-6);
        assertThat(found.norm2Number().doubleValue()).isCloseTo(1, within(1e-6));
        assertThat(asked.photos().queries(two)).allMatch(texts -> texts.size() == 1);
        assertThat(asked.attributes().result())
                .isNotEqualTo(evaluator.attributes().result());
    }

    @Test
    void aTableHoldsTheSameAnswers() throws IOException {
        Path csv = dir.resolve("attributes.csv");
        Path json = dir.resolve("same.jsonl");
        Predictions.write(csv, evaluator::predictAttributes);
        Predictions.write(json, evaluator::predictAttributes);

        List<String> rows = Files.readAllLines(csv);
        List<JsonNode> lines = lines(json);
        List<String> names = List.of(rows.get(0).replace("\"", "").split(","));
        assertThat(rows).hasSize(1 + PHOTOS);
        assertThat(names.get(0)).isEqualTo("id");
        for (int i = 0; i < PHOTOS; i++) {
            Map<String, String> row = new HashMap<>();
            String[] cells = rows.get(1 + i).replace("\"", "").split(",", -1);
            for (int column = 0; column < cells.length; column++) {
                row.put(names.get(column), cells[column]);
            }
            JsonNode line = lines.get(i);
            assertThat(row.get("id")).isEqualTo(line.path("id").asText());
            assertThat(row.get("fabric.answer"))
                    .isEqualTo(line.at("/fabric/answer").asText());
            assertThat(Double.parseDouble(row.get("fabric.scores.denim")))
                    .isEqualTo(line.at("/fabric/scores/denim").asDouble());
        }
    }

    @Test
    void anImageIsNotItsOwnAnswerAndTheNearestTextIsTheBestOfTheScores() {
        assertThat(evaluator.imagesLike(3, Images.REGIONS, PHOTOS))
                .hasSize(PHOTOS - 1)
                .noneMatch(hit -> hit.index() == 3);
        List<List<String>> texts = List.of(List.of("floral"), List.of("striped"), List.of("solid"));
        List<Retrieval.Hit> all = evaluator.textsOf(3, Images.REGIONS, texts, 3);
        assertThat(evaluator.textsOf(3, Images.REGIONS, texts, 1)).containsExactly(all.get(0));
        assertThat(all).hasSize(3).isSortedAccordingTo((a, b) -> Float.compare(b.cosine(), a.cosine()));
    }

    @Test
    void averagePrecisionByHand() {
        // Right at ranks 1 and 3: (1/1 + 2/3) / 2.
        assertThat(EncoderEvaluator.averagePrecision(new double[] {0.9, 0.2, 0.5, 0.1}, Set.of(0, 1)))
                .isCloseTo(5.0 / 6, within(1e-12));
        assertThat(EncoderEvaluator.averagePrecision(new double[] {0.9}, Set.of()))
                .isZero();
    }
}
