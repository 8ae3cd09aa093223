package org.rafclip.measure;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.data.Workers;
import org.rafclip.data.coparsing.CoParsing;
import org.rafclip.data.coparsing.GarmentRegion;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.image.RgbImage;
import org.rafclip.data.segment.Segmentation;
import org.rafclip.data.segment.Segmenter;
import org.rafclip.run.ReportFormat;

/**
 * How well segmenters find drawn garments from their boxes.
 *
 * @param photos looked at
 * @param regions garments in them, every one given to every segmenter
 * @param scores one per segmenter, in the order given
 */
@ReportFormat(kind = "masks", version = 2)
public record MaskEvaluation(int photos, int regions, List<Score> scores) {

    /**
     * One segmenter's result.
     *
     * @param segmenter its id
     * @param meanIou intersection over union with the drawn mask, 0 to 1, mean over all regions
     * @param fallbacks regions in which it found nothing and gave the plain box
     * @param millisPerMask wall time of one mask on one thread, mean
     * @param labels the same by garment label, sorted by name
     */
    public record Score(
            String segmenter, double meanIou, int fallbacks, double millisPerMask, Map<String, LabelScore> labels) {}

    /**
     * One garment label's share of a result.
     *
     * @param regions with this label
     * @param meanIou over them
     */
    public record LabelScore(int regions, double meanIou) {}

    private record Answer(String label, double iou, boolean fallback, long nanos) {}

    /**
     * Scores segmenters on the first photos of the data set.
     *
     * @param limit photos to look at; a number beyond the data set's takes all
     * @throws DataException where the data cannot be read or hold no garment
     */
    public static MaskEvaluation run(
            CoParsing data, ImageReader reader, List<Segmenter> segmenters, int limit, int threads, Progress progress)
            throws InterruptedException {
        List<String> photos =
                data.photos().subList(0, Math.min(limit, data.photos().size()));
        List<List<List<Answer>>> answers = new ArrayList<>(Collections.nCopies(photos.size(), List.of()));
        Workers.forEach(
                "mask-evaluation",
                photos.size(),
                threads,
                i -> {
                    List<List<Answer>> answer = answers(data, reader, segmenters, photos.get(i));
                    synchronized (answers) {
                        answers.set(i, answer);
                    }
                },
                progress);
        int regions = answers.stream().mapToInt(photo -> photo.get(0).size()).sum();
        if (regions == 0) {
            throw new DataException(data.dir() + ": " + photos.size() + " photos have no garment to score; take more");
        }
        List<Score> scores = new ArrayList<>();
        for (int i = 0; i < segmenters.size(); i++) {
            int segmenter = i;
            scores.add(score(
                    segmenters.get(i).id(),
                    answers.stream()
                            .flatMap(photo -> photo.get(segmenter).stream())
                            .toList()));
        }
        return new MaskEvaluation(photos.size(), regions, List.copyOf(scores));
    }

    private static List<List<Answer>> answers(
            CoParsing data, ImageReader reader, List<Segmenter> segmenters, String photo) {
        List<GarmentRegion> regions = data.regions(photo);
        RgbImage image = reader.read(data.dir(), data.photo(photo));
        List<List<Answer>> answers = new ArrayList<>();
        for (Segmenter segmenter : segmenters) {
            List<Answer> given = new ArrayList<>();
            for (GarmentRegion region : regions) {
                if (region.mask().width() != image.width() || region.mask().height() != image.height()) {
                    throw new DataException(data.dir().resolve(data.photo(photo)) + ": photo and mask differ in size;"
                            + " get both again");
                }
                long start = System.nanoTime();
                Segmentation found = segmenter.segment(image, region.box());
                long nanos = System.nanoTime() - start;
                given.add(new Answer(
                        region.label(), found.mask().intersectionOverUnion(region.mask()), found.fallback(), nanos));
            }
            answers.add(given);
        }
        return answers;
    }

    private static Score score(String segmenter, List<Answer> answers) {
        Map<String, List<Answer>> byLabel = new TreeMap<>();
        answers.forEach(answer -> byLabel.computeIfAbsent(answer.label(), label -> new ArrayList<>())
                .add(answer));
        Map<String, LabelScore> labels = new TreeMap<>();
        byLabel.forEach((label, own) -> labels.put(label, new LabelScore(own.size(), meanIou(own))));
        return new Score(
                segmenter,
                meanIou(answers),
                (int) answers.stream().filter(Answer::fallback).count(),
                answers.stream().mapToLong(Answer::nanos).average().orElseThrow() / 1e6,
                Collections.unmodifiableMap(labels));
    }

    private static double meanIou(List<Answer> answers) {
        return answers.stream().mapToDouble(Answer::iou).average().orElseThrow();
    }

    /** The scores as a text table, one column a segmenter. */
    public String render() {
        StringBuilder text = new StringBuilder();
        text.append(String.format(Locale.ROOT, "%d garments in %d photos, mean IoU%n", regions, photos));
        text.append(String.format("%-18s%8s", "", "regions"));
        scores.forEach(score -> text.append(String.format("  %18s", score.segmenter())));
        text.append(System.lineSeparator());
        text.append(String.format("%-18s%8d", "all", regions));
        scores.forEach(score -> text.append(String.format(Locale.ROOT, "  %18.4f", score.meanIou())));
        text.append(System.lineSeparator());
        scores.get(0).labels().forEach((label, first) -> {
            text.append(String.format("%-18s%8d", "  " + label, first.regions()));
            scores.forEach(score -> text.append(String.format(
                    Locale.ROOT, "  %18.4f", score.labels().get(label).meanIou())));
            text.append(System.lineSeparator());
        });
        text.append(String.format("%-26s", "nothing found, box given"));
        scores.forEach(score -> text.append(String.format("  %18d", score.fallbacks())));
        text.append(System.lineSeparator());
        text.append(String.format("%-26s", "ms a mask"));
        scores.forEach(score -> text.append(String.format(Locale.ROOT, "  %18.1f", score.millisPerMask())));
        return text.append(System.lineSeparator()).toString();
    }
}
