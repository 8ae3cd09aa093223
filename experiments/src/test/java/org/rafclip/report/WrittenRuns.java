package org.rafclip.report;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.rafclip.data.text.Prompts;
import org.rafclip.eval.AttributeResult;
import org.rafclip.measure.AttributeEvaluation;
import org.rafclip.measure.EncoderOnPhotos;
import org.rafclip.photos.PhotoConfig;
import org.rafclip.run.JsonReport;
import org.rafclip.run.Provenance;

/** Folders of trainings and evaluations as the commands write them, without any training. */
final class WrittenRuns {

    static final Instant START = Instant.parse("2026-01-02T03:04:05Z");

    private WrittenRuns() {}

    static Provenance provenance(long seed) {
        return new Provenance(
                "c".repeat(64),
                JsonNodeFactory.instance.objectNode(),
                seed,
                "d".repeat(64),
                new Provenance.Code("1", "abcdef0123456789", false),
                Map.of("nd4j", "1.0.0-M2.1", "blas", "a matrix library"),
                "a virtual machine",
                "an operating system",
                2,
                2,
                1024,
                START.toString(),
                List.of("train", "raf.yaml"));
    }

    private record Kind(String model) {}

    /** A finished encoder's run of four steps, a step a second, validated twice. */
    static Path encoder(Path dir, long seed) throws IOException {
        Files.createDirectories(dir);
        Files.writeString(
                dir.resolve("config.yaml"), "seed: " + seed + "\nmodel: {weights: null}\ntrain: {epochs: 2}\n");
        new JsonReport<>(new Kind("rafclip"), provenance(seed)).write(dir.resolve("provenance.json"));
        StringBuilder lines = new StringBuilder();
        for (int step = 1; step <= 4; step++) {
            lines.append(line(step, "\"loss\":" + (5 - step)));
            if (step % 2 == 0) {
                lines.append(line(step, "\"validation/meanAccuracy\":0." + step));
            }
        }
        Files.writeString(dir.resolve("metrics.jsonl"), lines);
        Files.writeString(dir.resolve("trained-on.txt"), "a".repeat(64) + "  img/1.jpg\n");
        Files.writeString(dir.resolve("held-out.txt"), "");
        return dir;
    }

    static String line(int step, String figures) {
        return "{\"step\":%d,\"epoch\":%d,\"time\":\"%s\",%s}%n"
                .formatted(step, (step - 1) / 2, START.plusSeconds(59 + step), figures);
    }

    /** Two groups of four photos; three of four and two of four are answered right. */
    static AttributeResult attributes(Path run, int trainedOn) {
        AttributeResult result = AttributeResult.of(
                4,
                List.of(
                        group("fabric", 0.75, List.of("denim", "knit"), new int[][] {{2, 0}, {1, 1}}),
                        group("texture", 0.5, List.of("floral", "solid"), new int[][] {{1, 2}, {0, 1}})));
        EncoderOnPhotos measured = new EncoderOnPhotos(
                "runs/raf",
                "step-00000004",
                "trained from random weights",
                1,
                "DATA",
                "train",
                true,
                false,
                new PhotoConfig.Branches("squash(8)", "squash(8)"),
                Prompts.PAPER,
                4,
                trainedOn);
        new JsonReport<>(new AttributeEvaluation(measured, result, null, null), provenance(1))
                .write(run.resolve("attributes.json"));
        return result;
    }

    private static AttributeResult.Group group(
            String name, double accuracy, List<String> attributes, int[][] confusion) {
        List<AttributeResult.Attribute> each = attributes.stream()
                .map(attribute -> new AttributeResult.Attribute(attribute, 2, 2, 0.5, 0.5, 0.5))
                .toList();
        return new AttributeResult.Group(
                name, 4, 0, accuracy, 0.6, 0.55, 0.5, attributes.get(0), 0.5, attributes, each, confusion);
    }

    /** A photo of one gray. */
    static Path photo(Path file, int gray) throws IOException {
        Files.createDirectories(file.getParent());
        BufferedImage image = new BufferedImage(40, 60, BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < 60; y++) {
            for (int x = 0; x < 40; x++) {
                image.setRGB(x, y, new Color(gray, gray, gray).getRGB());
            }
        }
        ImageIO.write(image, "png", file.toFile());
        return file;
    }
}
