package org.rafclip.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.rafclip.data.DataException;
import org.rafclip.data.SystemText;
import org.rafclip.data.TextFile;
import org.rafclip.data.Workers;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.table.TableSettings;
import org.rafclip.eval.PhotoEvaluation.Images;
import org.rafclip.run.Machines;
import org.rafclip.run.Provenance;
import org.rafclip.search.FashionModel;
import org.rafclip.search.ListedPhotos;
import org.rafclip.search.Photo;
import org.rafclip.search.PhotoCluster;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Embeddings as a file. */
@Command(
        name = "embed",
        description = {
            "Embed photos or texts and write the vectors, of length 1, with their ids: .npy, .safetensors, .parquet or"
                    + " .jsonl by the name of the file.",
            "A photo that cannot be read is named and left out, the rest is written; exit code 1 then.",
            "With --master, Spark's machines embed photos side by side into a folder of Parquet files. A photo that cannot be"
                    + " read is a row with an error there, of which the first are named, and the same command once more does what is missing"
                    + " and tries those again."
        },
        footer = {
            "",
            "Examples:",
            "  ./rafclip embed --run runs/demo --images photos --out photos.parquet",
            "  ./rafclip embed --run runs/raf --images photos.csv --image-folder photos --out photos.npy",
            "  ./rafclip embed --model models/vit-b-32 --texts queries.txt --out queries.safetensors",
            "  ./rafclip embed --model models/vit-b-32 --images photos --out runs/embedded --master spark://HOST:7077"
        })
final class EmbedCommand implements Callable<Integer> {

    private static final int CHUNK = 32;

    /** What is read of a table. */
    private static final List<String> COLUMNS = List.of("image", "id", "x", "y", "width", "height");

    @Spec
    private CommandSpec spec;

    @Mixin
    private ModelChoice choice;

    @ArgGroup(multiplicity = "1")
    private What what;

    private static final class What {

        @Option(
                names = {"--images", "--data"},
                paramLabel = "PHOTOS",
                description =
                        "A folder of photos and folders, a table of photos, or a folder with Anno_fine. With --master also"
                                + " the address of such a folder or of a table that Spark reads (hdfs://HOST/photos,"
                                + " hdfs://HOST/photos.parquet, file:/photos.csv): a table's images are addresses, or in a Parquet"
                                + " column the photos themselves.")
        private String images;

        @Option(names = "--texts", paramLabel = "FILE", description = "A text a line, UTF-8.")
        private Path texts;
    }

    @Option(
            names = "--image-folder",
            paramLabel = "DIR",
            description = "Where a table's images lie. Default: beside it.")
    private Path folder;

    @Option(
            names = "--form",
            paramLabel = "FORM",
            description =
                    "Which image of a garment is embedded: ${COMPLETION-CANDIDATES}. Default: regions, or what the"
                            + " composer composes.")
    private Images form;

    @Option(
            names = "--out",
            required = true,
            paramLabel = "FILE",
            description =
                    "Where to. Replaced if it is there. With --master, a folder, to which is added what it lacks, here or on"
                            + " any file system of Spark's (hdfs://HOST/rows).")
    private String place;

    @Mixin
    private MachineOptions machineOptions;

    @Option(
            names = "--labels",
            description = "With --master: with category, color and attributes, in the model's words.")
    private boolean labels;

    @Option(
            names = "--thumbnails",
            description = "With --master: with thumbnails, so that index --from needs no photos.")
    private boolean thumbnails;

    @Option(
            names = "--column",
            paramLabel = "NAME=COLUMN",
            description = "With --master: what a table calls image, id, x, y, width or height: image=photo.")
    private Map<String, String> columns = Map.of();

    /** A photo's vector, or why it has none. */
    private record Embedded(String id, float[] vector, String fault) {}

    @Override
    public Integer call() throws IOException, InterruptedException {
        Optional<Machines> machines = machineOptions.machines();
        if (machines.isPresent()) {
            return sideBySide(machines.get());
        }
        if (labels || thumbnails || !columns.isEmpty()) {
            throw new ParameterException(spec.commandLine(), "--labels, --thumbnails and --column belong to --master");
        }
        Path out = Path.of(place);
        EmbeddingFile kind = EmbeddingFile.of(out);
        if (kind == null) {
            throw new ParameterException(
                    spec.commandLine(), "--out takes a file that ends in " + EmbeddingFile.endings() + ", not " + out);
        }
        Path read = what.images != null ? Path.of(what.images) : what.texts;
        if (read.toAbsolutePath().normalize().equals(out.toAbsolutePath().normalize())) {
            throw new ParameterException(spec.commandLine(), "--out names the file that is read, " + out);
        }
        CommandLines.requireWritable(out);
        List<String> lines = what.texts == null ? List.of() : lines();
        try (FashionModel model = choice.open(form)) {
            List<Embedded> all = what.images != null ? photos(model) : texts(model, lines);
            List<Embedded> good =
                    all.stream().filter(one -> one.vector() != null).toList();
            List<String> faults =
                    all.stream().map(Embedded::fault).filter(Objects::nonNull).toList();
            CommandLines.name(spec, "", faults, faults.size());
            if (good.isEmpty()) {
                throw new DataException(
                        "nothing could be embedded of " + (what.images != null ? what.images : what.texts));
            }
            kind.write(
                    out,
                    good.stream().map(Embedded::id).toList(),
                    good.stream().map(Embedded::vector).toList(),
                    metadata(model));
            PrintWriter console = spec.commandLine().getOut();
            console.printf(
                    Locale.ROOT,
                    "%s: %,d %s, %d numbers each, by %s%s%n",
                    out,
                    good.size(),
                    what.images != null ? "photos" : "texts",
                    model.width(),
                    model.name(),
                    good.size() < all.size() ? "; " + (all.size() - good.size()) + " left out, named above" : "");
            console.flush();
            return good.size() < all.size() ? 1 : 0;
        }
    }

    private int sideBySide(Machines machines) throws IOException {
        if (what.images == null) {
            throw new ParameterException(spec.commandLine(), "--master embeds --images, not --texts");
        }
        if (!choice.vocabulary().isEmpty()) {
            throw new ParameterException(
                    spec.commandLine(), "--master answers in the model's words; leave --vocabulary away");
        }
        boolean address = PhotoCluster.isAddress(what.images);
        if (address && folder != null) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--image-folder belongs to a table in a folder; " + what.images + " names its images from itself");
        }
        columns.keySet().stream()
                .filter(name -> !COLUMNS.contains(name))
                .findFirst()
                .ifPresent(name -> {
                    throw new ParameterException(
                            spec.commandLine(),
                            "--column " + name + "=" + columns.get(name) + ": a table has " + String.join(", ", COLUMNS)
                                    + " for it");
                });
        PhotoCluster cluster = PhotoCluster.find();
        PhotoCluster.Source source =
                address ? new PhotoCluster.Table(what.images, columns) : new PhotoCluster.Listed(listed());
        PhotoCluster.Done done;
        try (FashionModel model = choice.open(form);
                JobStages stages = new JobStages()) {
            done = cluster.embed(
                    machines,
                    new PhotoCluster.Job(model, choice.checkpoint(), source, choice.precision(), labels, thumbnails),
                    place,
                    stages);
        }
        CommandLines.name(spec, "", done.faults(), done.bad());
        PrintWriter console = spec.commandLine().getOut();
        console.printf(
                Locale.ROOT,
                "%s: %,d photos, %,d of them embedded now in %.1f s%s%n",
                place,
                done.rows(),
                done.added(),
                done.seconds(),
                done.bad() > 0
                        ? String.format(Locale.ROOT, "; %,d have an error instead, named above", done.bad())
                        : "");
        console.flush();
        return done.bad() > 0 ? 1 : 0;
    }

    private ListedPhotos listed() {
        return ListedPhotos.in(Path.of(what.images), new TableSettings(folder, List.of(), columns));
    }

    private List<String> lines() throws IOException {
        List<String> lines;
        try {
            lines = TextFile.lines(what.texts);
        } catch (CharacterCodingException e) {
            throw new DataException(what.texts + ": is no UTF-8 text", e);
        }
        List<Integer> blank = IntStream.range(0, lines.size())
                .filter(i -> lines.get(i).isBlank())
                .boxed()
                .toList();
        if (lines.isEmpty() || !blank.isEmpty()) {
            throw new DataException(
                    what.texts + (lines.isEmpty() ? ": is empty" : ":" + (blank.get(0) + 1) + ": is blank")
                            + "; write a text a line");
        }
        for (int i = 0; i < lines.size(); i++) {
            String place = what.texts + ":" + (i + 1);
            SystemText.fault(lines.get(i)).ifPresent(fault -> {
                throw new DataException(place + ": the text " + fault);
            });
        }
        return lines;
    }

    private static List<Embedded> texts(FashionModel model, List<String> lines) {
        List<Embedded> embedded = new ArrayList<>();
        try (JobProgress progress = new JobProgress("embedding texts", "texts")) {
            for (int from = 0; from < lines.size(); from += CHUNK) {
                List<String> some = lines.subList(from, Math.min(lines.size(), from + CHUNK));
                List<float[]> vectors = model.embedTexts(some);
                for (int i = 0; i < some.size(); i++) {
                    embedded.add(new Embedded(some.get(i), vectors.get(i), null));
                }
                progress.update(embedded.size(), lines.size());
            }
        }
        return embedded;
    }

    private List<Embedded> photos(FashionModel model) throws InterruptedException {
        ListedPhotos photos = listed();
        List<ListedPhotos.Garment> garments = photos.garments();
        ImageReader reader = new ImageReader();
        int chunks = (garments.size() + CHUNK - 1) / CHUNK;
        Embedded[] embedded = new Embedded[garments.size()];
        AtomicInteger done = new AtomicInteger();
        int threads = Runtime.getRuntime().availableProcessors();
        try (JobProgress progress = new JobProgress("embedding photos", "photos")) {
            Workers.forEach(
                    "embed",
                    chunks,
                    threads,
                    chunk -> {
                        int from = chunk * CHUNK;
                        int to = Math.min(garments.size(), from + CHUNK);
                        embed(model, reader, photos, from, to, embedded);
                        done.addAndGet(to - from);
                    },
                    (finished, total) -> progress.update(done.get(), garments.size()));
        }
        return Arrays.asList(embedded);
    }

    private static void embed(
            FashionModel model, ImageReader reader, ListedPhotos photos, int from, int to, Embedded[] embedded) {
        List<Integer> places = new ArrayList<>();
        List<Photo> decoded = new ArrayList<>();
        for (int i = from; i < to; i++) {
            ListedPhotos.Garment garment = photos.garments().get(i);
            try {
                Photo photo = new Photo(reader.read(photos.root(), garment.file()), garment.box());
                photo.requireInside(garment.id());
                decoded.add(photo);
                places.add(i);
            } catch (DataException e) {
                embedded[i] = new Embedded(garment.id(), null, e.getMessage());
            }
        }
        List<float[]> vectors = model.embed(decoded);
        for (int i = 0; i < places.size(); i++) {
            int place = places.get(i);
            embedded[place] = new Embedded(photos.garments().get(place).id(), vectors.get(i), null);
        }
    }

    private Map<String, String> metadata(FashionModel model) {
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("model", model.name());
        metadata.put("modelHash", model.hash());
        metadata.put("of", what.images != null ? model.images().name().toLowerCase(Locale.ROOT) : "texts");
        if (what.images != null) {
            metadata.put("photosWithoutBox", choice.wholePhotos() ? "whole" : "where garments lay in the training");
        }
        metadata.put("precision", choice.precision().toString());
        metadata.put("rafclip", Provenance.Code.current().commit());
        return metadata;
    }
}
