package org.rafclip.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.rafclip.data.DataException;
import org.rafclip.data.SystemText;
import org.rafclip.data.image.Box;
import org.rafclip.eval.Table;
import org.rafclip.io.AtomicFiles;
import org.rafclip.io.Sha256;
import org.rafclip.run.JsonReport;
import org.rafclip.run.ReportFormat;
import org.rafclip.search.FashionModel;
import org.rafclip.search.Photo;
import org.rafclip.search.Recognition;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** What a model sees on photos. */
@Command(
        name = "recognise",
        aliases = "recognize",
        description = {
            "Name category, color and attributes of the garment on each photo, in the words that the model was trained"
                    + " with, and say how well further words fit, which no training need have seen.",
            "Without --box a box is proposed: where garments lie in the photos that the model was trained on. A photo that"
                    + " cannot be read is named, the others are answered; exit code 1 then."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip recognise --run runs/demo dress.jpg",
            "  ./rafclip recognise --run runs/raf dress.jpg --box 40,20,180,300 --attributes \"puff sleeve, cargo pocket\" --html seen.html"
        })
final class RecogniseCommand implements Callable<Integer> {

    private static final int SHOWN = 3;

    @Spec
    private CommandSpec spec;

    @Mixin
    private ModelChoice choice;

    @Parameters(arity = "1..*", paramLabel = "PHOTO", description = "JPEG, PNG, WebP, BMP or GIF.")
    private List<Path> photos;

    @Option(
            names = "--box",
            paramLabel = "X,Y,W,H",
            description = "The garment in the photo, in pixels from its upper left corner. For one photo.")
    private String box;

    @Option(
            names = "--attributes",
            split = ",",
            paramLabel = "WORDS",
            description = "Further attributes, parted by commas; each is held against the same text without it.")
    private List<String> words = List.of();

    @Option(names = "--json", paramLabel = "FILE", description = "Write every probability, with provenance.")
    private Path json;

    @Option(names = "--html", paramLabel = "FILE", description = "Write a page with what the model saw and answered.")
    private Path html;

    /**
     * A photo and what was seen on it.
     *
     * @param boxProposed whether the box was the model's idea, and is not the whole photo
     */
    record Seen(Path photo, Recognition recognition, boolean boxProposed) {}

    /** What {@code --json} writes; a photo that could not be read has an error and nothing else. */
    @ReportFormat(kind = "recognition", version = 1)
    private record Findings(String model, List<Finding> photos) {}

    private record Finding(
            String photo,
            String error,
            Box box,
            boolean boxProposed,
            List<Recognition.Candidate> category,
            String color,
            List<Recognition.Group> groups) {}

    private record Asked(String model, String hash, String box, boolean wholePhotos, List<String> words) {}

    @Override
    public Integer call() throws IOException {
        Optional<Box> garment = box();
        List<String> further = words.stream()
                .map(String::strip)
                .filter(word -> !word.isEmpty())
                .distinct()
                .toList();
        for (String word : further) {
            SystemText.fault(word).ifPresent(fault -> {
                throw new ParameterException(spec.commandLine(), "the words '" + word + "' " + fault);
            });
        }
        if (html != null
                && json != null
                && html.toAbsolutePath()
                        .normalize()
                        .equals(json.toAbsolutePath().normalize())) {
            throw new ParameterException(spec.commandLine(), "--html and --json name the same file, " + html);
        }
        CommandLines.requireWritable(html, json);
        PrintWriter out = spec.commandLine().getOut();
        List<Seen> seen = new ArrayList<>();
        List<Finding> findings = new ArrayList<>();
        StringBuilder content = new StringBuilder();
        int failed = 0;
        try (FashionModel model = choice.open(null);
                JobProgress progress = new JobProgress("looking at photos", "photos")) {
            for (Path file : photos) {
                try {
                    Photo photo = Photo.of(file);
                    Recognition recognition =
                            model.recognise(garment.map(photo::in).orElse(photo), further);
                    content.append(Sha256.of(file));
                    boolean proposed = garment.isEmpty() && !recognition.box().equals(photo.garment());
                    Seen answer = new Seen(file, recognition, proposed);
                    seen.add(answer);
                    findings.add(finding(answer));
                    out.print(table(answer).toText());
                    out.println();
                    out.flush();
                } catch (DataException e) {
                    failed++;
                    findings.add(new Finding(file.toString(), e.getMessage(), null, false, null, null, null));
                    spec.commandLine().getErr().println("rafclip: " + e.getMessage());
                }
                if (photos.size() > 1) {
                    progress.update(findings.size(), photos.size());
                }
            }
            if (html != null) {
                write(html, RecognitionPage.html(model.name(), seen));
            }
            if (json != null) {
                Asked asked = new Asked(model.name(), model.hash(), box, choice.wholePhotos(), further);
                new JsonReport<>(
                                new Findings(model.name(), findings),
                                CommandLines.provenance(spec, asked, 0, Sha256.of(content.toString())))
                        .write(json);
            }
        }
        return failed > 0 ? 1 : 0;
    }

    private Optional<Box> box() {
        if (box == null) {
            return Optional.empty();
        }
        if (photos.size() > 1) {
            throw new ParameterException(spec.commandLine(), "--box is for one photo, not for " + photos.size());
        }
        return Optional.of(CommandLines.box(spec, box));
    }

    private static Finding finding(Seen answer) {
        Recognition seen = answer.recognition();
        return new Finding(
                answer.photo().toString(),
                null,
                seen.box(),
                answer.boxProposed(),
                seen.category(),
                seen.color(),
                seen.groups());
    }

    /** Such as {@code box 40,20,180,300, proposed}. */
    static String box(Seen answer) {
        Box box = answer.recognition().box();
        return "box " + box.x1() + "," + box.y1() + "," + box.width() + "," + box.height()
                + (answer.boxProposed() ? ", proposed" : "");
    }

    private static Table table(Seen answer) {
        Recognition seen = answer.recognition();
        List<List<String>> rows = new ArrayList<>();
        if (!seen.category().isEmpty()) {
            rows.add(row("category", seen.category(), SHOWN));
        }
        rows.add(List.of("color", seen.color(), "", ""));
        for (Recognition.Group group : seen.groups()) {
            if (!group.name().equals(Recognition.WORDS)) {
                rows.add(row(group.name(), group.candidates(), SHOWN));
            }
        }
        for (Recognition.Group group : seen.groups()) {
            if (group.name().equals(Recognition.WORDS)) {
                group.candidates().forEach(word -> rows.add(row("asked for", List.of(word), 1)));
            }
        }
        return new Table(
                answer.photo() + ", " + box(answer),
                List.of("group", "most probable", "then", "then"),
                rows,
                List.of());
    }

    private static List<String> row(String name, List<Recognition.Candidate> candidates, int shown) {
        List<String> cells = new ArrayList<>(List.of(name));
        for (int i = 0; i < SHOWN; i++) {
            cells.add(i < Math.min(shown, candidates.size()) ? said(candidates.get(i)) : "");
        }
        return cells;
    }

    static String said(Recognition.Candidate candidate) {
        return String.format(Locale.ROOT, "%s %.2f", candidate.word(), candidate.probability());
    }

    private static void write(Path file, String text) throws IOException {
        if (file.toAbsolutePath().getParent() != null) {
            Files.createDirectories(file.toAbsolutePath().getParent());
        }
        AtomicFiles.writeString(file, text);
    }
}
