package org.rafclip.search;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.INDArrayIndex;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.rafclip.agcn.compose.ComposerModel;
import org.rafclip.agcn.compose.Explanation;
import org.rafclip.agcn.features.Features;
import org.rafclip.agcn.features.ImageFeatureSource;
import org.rafclip.agcn.features.TextFeatureSource;
import org.rafclip.agcn.open.ComposerRun;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.DataException;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.image.RgbImage;
import org.rafclip.eval.PhotoEvaluation.Images;
import org.rafclip.open.OpenedEncoder;
import org.rafclip.ops.JavaOps;
import org.rafclip.photos.TypicalBox;
import org.rafclip.photos.Vocabulary;
import org.rafclip.search.GarmentPreparation.Prepared;
import org.rafclip.search.Recognition.Candidate;
import org.rafclip.search.Recognition.Group;
import org.rafclip.text.Encoded;
import org.rafclip.train.Checkpoints;
import org.rafclip.train.RunFolder;

/** A {@link FashionModel} over an opened encoder and composer. */
final class OpenModel implements FashionModel {

    private static final int BATCH = 64;
    private static final int TEXTS_KEPT = 1 << 14;

    private final OpenedEncoder encoder;
    private final ComposerRun composerRun;
    private final ComposerModel composer;
    private final Images images;
    private final boolean wholePhotos;
    private final Vocabulary vocabulary;
    private final GarmentPreparation preparation;
    private final double temperature;
    private final Encoding encoding;
    private final Map<String, float[]> texts = Collections.synchronizedMap(new LinkedHashMap<>(64, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, float[]> eldest) {
            return size() > TEXTS_KEPT;
        }
    });

    private final LongAdder preparing = new LongAdder();
    private final LongAdder encodingTime = new LongAdder();

    private final Encoding.Kind<float[], float[]> ofImages =
            new Encoding.Kind<>(BATCH, some -> timed(encodingTime, () -> encodeImages(some)));
    private final Encoding.Kind<float[], float[]> ofMirrored =
            new Encoding.Kind<>(BATCH, some -> timed(encodingTime, () -> encodeWithMirror(some)));
    private final Encoding.Kind<String, float[]> ofTexts =
            new Encoding.Kind<>(BATCH, some -> timed(encodingTime, () -> encodeTexts(some)));
    private final Encoding.Kind<Asked, Composed> ofCompositions = new Encoding.Kind<>(BATCH, this::composeAll);

    private record Asked(float[] pixels, String change) {}

    private OpenModel(
            OpenedEncoder encoder, ComposerRun composerRun, ComposerModel composer, Settings settings, Images images)
            throws IOException {
        this.encoder = encoder;
        this.composerRun = composerRun;
        this.composer = composer;
        this.images = images;
        this.wholePhotos = settings.wholePhotos();
        this.vocabulary = settings.vocabulary() != null ? settings.vocabulary() : encoder.vocabulary();
        this.preparation = new GarmentPreparation(
                encoder.data(),
                encoder.model().config().vision().imageSize(),
                wholePhotos ? TypicalBox.WHOLE : encoder.typicalBox());
        this.temperature = encoder.model().temperature();
        this.encoding = new Encoding(settings.waiting());
        encoder.model().computeIn(settings.precision());
        if (composer != null) {
            composer.computeIn(settings.precision());
        }
    }

    static FashionModel open(Path place, Settings settings) throws IOException {
        // Whoever reads the first photo decides which library multiplies.
        JavaOps.install();
        Optional<SuiteModels> suite = SuiteModels.in(place);
        if (suite.isPresent()) {
            Path composer = settings.composer() != null
                    ? settings.composer()
                    : suite.get().agcn();
            return open(suite.get().rafclip(), settings.withComposer(composer));
        }
        boolean composes = !OpenedEncoder.isModel(place) && isComposer(place, settings.checkpoint());
        if (composes && settings.composer() != null) {
            throw new DataException(
                    place + " is a composer's run already; name its encoder to give it another composer");
        }
        Path composing = composes ? place : settings.composer();
        if (composing == null) {
            OpenedEncoder encoder = OpenedEncoder.open(place, settings.checkpoint());
            return closing(
                    encoder,
                    null,
                    () -> new OpenModel(
                            encoder,
                            null,
                            null,
                            settings,
                            settings.images() != null ? settings.images() : Images.REGIONS));
        }
        ComposerRun run = ComposerRun.open(composing, settings.checkpoint());
        if (run.config().data().fashioniq() != null && settings.images() == null) {
            throw new DataException(composing + " was trained on whole photos of FashionIQ, prepared otherwise than the"
                    + " garments of its encoder; take a composer that was trained on garments");
        }
        Images composed = run.config().data().image();
        if (settings.images() != null && settings.images() != composed) {
            throw new DataException(composing + " composes " + name(composed) + ", so a gallery for it holds "
                    + name(composed) + " too, not " + name(settings.images()));
        }
        OpenedEncoder encoder = run.encoder(composes ? settings.encoder() : place);
        ComposerModel composer = run.load();
        return closing(encoder, composer, () -> new OpenModel(encoder, run, composer, settings, composed));
    }

    private interface Opening {
        FashionModel open() throws IOException;
    }

    private static FashionModel closing(OpenedEncoder encoder, ComposerModel composer, Opening opening)
            throws IOException {
        try {
            return opening.open();
        } catch (IOException | RuntimeException e) {
            encoder.close();
            if (composer != null) {
                composer.close();
            }
            throw e;
        }
    }

    private static boolean isComposer(Path run, Checkpoints.Which which) throws IOException {
        return Files.exists(RunFolder.open(run).checkpoint(which).dir().resolve(ComposerModel.CONFIG_FILE));
    }

    private static String name(Images images) {
        return images == Images.CROPS ? "crops" : "regions";
    }

    @Override
    public String name() {
        String folder =
                String.valueOf(encoder.source().toAbsolutePath().normalize().getFileName());
        return encoder.checkpoint() == null ? folder : folder + ", " + encoder.checkpoint();
    }

    @Override
    public Path place() {
        return encoder.source();
    }

    @Override
    public Optional<Path> composerPlace() {
        return Optional.ofNullable(composerRun).map(run -> run.folder().dir());
    }

    @Override
    public Optional<String> composer() {
        return Optional.ofNullable(composer)
                .map(model -> model.description().composer().kind().title());
    }

    @Override
    public String hash() {
        return encoder.hash();
    }

    @Override
    public int width() {
        return encoder.model().config().embedWidth();
    }

    @Override
    public Images images() {
        return images;
    }

    @Override
    public boolean wholePhotos() {
        return wholePhotos;
    }

    @Override
    public Vocabulary vocabulary() {
        return vocabulary;
    }

    @Override
    public List<float[]> embed(List<Photo> photos) {
        return encoding.run(
                ofImages,
                timed(
                        preparing,
                        () -> photos.stream()
                                .map(photo -> pixels(preparation.prepare(photo)))
                                .toList()));
    }

    private float[] pixels(Prepared garment) {
        return preparation.pixels(preparation.shown(garment, images), images);
    }

    private static <T> T timed(LongAdder nanos, Supplier<T> work) {
        long begin = System.nanoTime();
        try {
            return work.get();
        } finally {
            nanos.add(System.nanoTime() - begin);
        }
    }

    @Override
    public Spent spent() {
        return new Spent(preparing.sum() / 1e9, encodingTime.sum() / 1e9);
    }

    @Override
    public List<float[]> embedTexts(List<String> wanted) {
        wanted.forEach(text -> requireWords("text", text));
        encoding.requireOpen();
        List<float[]> known = new ArrayList<>(wanted.stream().map(texts::get).toList());
        List<Integer> missing = IntStream.range(0, known.size())
                .filter(i -> known.get(i) == null)
                .boxed()
                .toList();
        List<float[]> encoded =
                encoding.run(ofTexts, missing.stream().map(wanted::get).toList());
        for (int i = 0; i < encoded.size(); i++) {
            texts.put(wanted.get(missing.get(i)), encoded.get(i));
            known.set(missing.get(i), encoded.get(i));
        }
        return known.stream().map(float[]::clone).toList();
    }

    private static void requireWords(String what, String text) {
        if (text.isBlank()) {
            throw new DataException("the " + what + " is empty; say what the photo should show");
        }
    }

    @Override
    public Recognition recognise(Photo photo, List<String> words) {
        words.forEach(word -> requireWords("word", word));
        return described(List.of(photo), words).get(0).recognition();
    }

    @Override
    public List<Described> describe(List<Photo> photos) {
        return described(photos, List.of());
    }

    private List<Described> described(List<Photo> photos, List<String> words) {
        List<Prepared> garments =
                timed(preparing, () -> photos.stream().map(preparation::prepare).toList());
        List<RgbImage> shown = new ArrayList<>();
        List<float[]> pixels = timed(preparing, () -> {
            List<float[]> all = new ArrayList<>();
            for (Images which : Images.values()) {
                for (Prepared garment : garments) {
                    RgbImage image = preparation.shown(garment, which);
                    shown.add(image);
                    all.add(preparation.pixels(image, which));
                }
            }
            return all;
        });
        List<float[]> plain = encoding.run(ofImages, pixels);
        List<float[]> asMeasured = encoder.data().mirror() ? encoding.run(ofMirrored, pixels) : plain;
        List<Described> described = new ArrayList<>();
        for (int i = 0; i < garments.size(); i++) {
            int crop = Images.CROPS.ordinal() * garments.size() + i;
            int region = Images.REGIONS.ordinal() * garments.size() + i;
            described.add(new Described(
                    plain.get(images == Images.CROPS ? crop : region),
                    recognition(
                            garments.get(i),
                            new Branch(shown.get(crop), asMeasured.get(crop)),
                            new Branch(shown.get(region), asMeasured.get(region)),
                            words)));
        }
        return described;
    }

    /** What a branch sees and makes of it. */
    private record Branch(RgbImage image, float[] vector) {}

    private Recognition recognition(Prepared garment, Branch crop, Branch region, List<String> words) {
        String color = garment.color().word();
        List<Candidate> categories = candidates(
                crop.vector(),
                vocabulary.categories(),
                vocabulary.categories().stream()
                        .map(category -> encoder.prompts().category(color, category))
                        .toList());
        String category = categories.isEmpty()
                ? preparation.categoryWord()
                : categories.get(0).word();
        List<Group> groups = new ArrayList<>();
        for (AttributeTaxonomy.Group group : vocabulary.groups()) {
            List<List<String>> wordings = group.words().stream()
                    .map(attribute -> encoder.prompts().attribute(attribute, category))
                    .toList();
            groups.add(new Group(group.name(), candidates(region.vector(), group.words(), wordings)));
        }
        if (!words.isEmpty()) {
            groups.add(new Group(Recognition.WORDS, free(region.vector(), words, category)));
        }
        return new Recognition(garment.box(), garment.mask(), crop.image(), region.image(), groups, categories, color);
    }

    /** Words, each against the same texts without it. */
    private List<Candidate> free(float[] image, List<String> words, String category) {
        double without = Vectors.dot(image, wording(encoder.prompts().attribute("", category)));
        return words.stream()
                .map(word -> {
                    double with = Vectors.dot(image, wording(encoder.prompts().attribute(word, category)));
                    return new Candidate(word, with, 1 / (1 + Math.exp(temperature * (without - with))));
                })
                .sorted(Comparator.comparingDouble(Candidate::probability).reversed())
                .toList();
    }

    private List<Candidate> candidates(float[] image, List<String> words, List<List<String>> wordings) {
        double[] cosines = wordings.stream()
                .mapToDouble(some -> Vectors.dot(image, wording(some)))
                .toArray();
        double highest = Arrays.stream(cosines).max().orElse(0);
        double[] powers = Arrays.stream(cosines)
                .map(cosine -> Math.exp(temperature * (cosine - highest)))
                .toArray();
        double sum = Arrays.stream(powers).sum();
        return IntStream.range(0, cosines.length)
                .mapToObj(i -> new Candidate(words.get(i), cosines[i], powers[i] / sum))
                .sorted(Comparator.comparingDouble(Candidate::cosine).reversed())
                .toList();
    }

    /** The mean direction of a text's wordings. */
    private float[] wording(List<String> wordings) {
        List<float[]> vectors = embedTexts(wordings);
        return vectors.size() == 1 ? vectors.get(0) : Vectors.unit(Vectors.sum(vectors));
    }

    @Override
    public Composed compose(Photo reference, String change) {
        requireWords("change", change);
        return encoding.run(ofCompositions, List.of(new Asked(pixels(preparation.prepare(reference)), change)))
                .get(0);
    }

    private List<Composed> composeAll(List<Asked> asked) {
        if (composer == null) {
            List<float[]> photos =
                    encodeImages(asked.stream().map(Asked::pixels).toList());
            List<float[]> changes =
                    encodeTexts(asked.stream().map(Asked::change).toList());
            return IntStream.range(0, asked.size())
                    .mapToObj(i -> new Composed(
                            Vectors.unit(Vectors.sum(List.of(photos.get(i), changes.get(i)))),
                            "sum of photo and text, as the model has no composer",
                            Optional.empty()))
                    .toList();
        }
        Composed[] composed = new Composed[asked.size()];
        Encoded changes =
                model().tokenizer().encode(asked.stream().map(Asked::change).toList());
        for (List<Integer> alike : changes.byLength()) {
            List<Composed> some = composeAlike(alike.stream().map(asked::get).toList());
            for (int i = 0; i < some.size(); i++) {
                composed[alike.get(i)] = some.get(i);
            }
        }
        return List.of(composed);
    }

    /**
     * Composes with changes of one length, so that none is filled up for another and rounds otherwise. What encodes takes
     * them together, the composer one by one: some of its operations round by the size of the batch.
     */
    private List<Composed> composeAlike(List<Asked> asked) {
        List<String> ids = asked.stream().map(one -> "the reference photo").toList();
        List<String> changes = asked.stream().map(Asked::change).toList();
        try (INDArray pixels = stacked(asked.stream().map(Asked::pixels).toList())) {
            Features references = new ImageFeatureSource(model(), ids, (from, to) -> pixels).encode(0, asked.size());
            Features texts = new TextFeatureSource(model(), changes).encode(0, asked.size());
            List<Composed> composed = IntStream.range(0, asked.size())
                    .mapToObj(i -> composed(row(references, i), row(texts, i)))
                    .toList();
            close(references);
            close(texts);
            return composed;
        }
    }

    private Composed composed(Features reference, Features text) {
        ComposerModel.Explained explained = composer.explain(reference, text);
        Composed composed = new Composed(
                rows(explained.queries()).get(0),
                composer().orElseThrow(),
                gates(explained.explanations().get(0)));
        explained.queries().close();
        close(reference);
        close(text);
        return composed;
    }

    private static Features row(Features all, int row) {
        INDArrayIndex one = NDArrayIndex.interval(row, row + 1L);
        return new Features(
                all.tokens().get(one, NDArrayIndex.all(), NDArrayIndex.all()).dup('c'),
                new int[] {all.lengths()[row]},
                all.pooled().get(one, NDArrayIndex.all()).dup('c'));
    }

    private static void close(Features features) {
        features.tokens().close();
        features.pooled().close();
    }

    private static Optional<Composed.Gates> gates(Explanation explanation) {
        if (explanation.imageGate().isEmpty() || explanation.textGate().isEmpty()) {
            return Optional.empty();
        }
        return Optional.of(new Composed.Gates(mean(explanation.imageGate()), mean(explanation.textGate())));
    }

    private static double mean(List<Double> values) {
        return values.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
    }

    private List<float[]> encodeImages(List<float[]> pixels) {
        try (INDArray batch = stacked(pixels);
                INDArray encoded = model().encodeImages(batch)) {
            return rows(encoded);
        }
    }

    private List<float[]> encodeWithMirror(List<float[]> pixels) {
        try (INDArray batch = stacked(pixels);
                INDArray encoded = model().encodeImagesWithMirror(batch)) {
            return rows(encoded);
        }
    }

    private List<float[]> encodeTexts(List<String> some) {
        try (INDArray encoded = model().encodeTexts(some)) {
            return rows(encoded);
        }
    }

    private ClipModel model() {
        return encoder.model();
    }

    private INDArray stacked(List<float[]> pixels) {
        int length = pixels.get(0).length;
        float[] all = new float[pixels.size() * length];
        for (int i = 0; i < pixels.size(); i++) {
            System.arraycopy(pixels.get(i), 0, all, i * length, length);
        }
        return Nd4j.create(all, new long[] {pixels.size(), 3, preparation.size(), preparation.size()}, 'c');
    }

    private static List<float[]> rows(INDArray matrix) {
        float[] all = matrix.data().asFloat();
        int width = (int) matrix.size(1);
        return IntStream.range(0, (int) matrix.size(0))
                .mapToObj(i -> Arrays.copyOfRange(all, i * width, (i + 1) * width))
                .toList();
    }

    @Override
    public void close() {
        encoding.close();
        encoder.close();
        if (composer != null) {
            composer.close();
        }
    }
}
