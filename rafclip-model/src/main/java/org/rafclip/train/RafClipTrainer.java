package org.rafclip.train;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipModel;
import org.rafclip.clip.DualEncoder;
import org.rafclip.clip.LoraConfig;
import org.rafclip.data.DataException;
import org.rafclip.data.Prefetch;
import org.rafclip.data.Progress;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.region.FashionRecordReader;
import org.rafclip.data.region.RegionLoader;
import org.rafclip.data.text.FashionColor;
import org.rafclip.data.text.Prompts;
import org.rafclip.eval.AttributeResult;
import org.rafclip.eval.PhotoEvaluation;
import org.rafclip.eval.RetrievalResult;
import org.rafclip.io.Sha256;
import org.rafclip.loss.RafLoss;
import org.rafclip.loss.RafLossConfig;
import org.rafclip.nn.Lora;
import org.rafclip.photos.ModelPreparation;
import org.rafclip.photos.PhotoData;
import org.rafclip.photos.PhotoSplits;
import org.rafclip.photos.TypicalBox;
import org.rafclip.photos.Vocabulary;
import org.rafclip.run.Provenance;
import org.rafclip.text.ClipTokenizer;

/**
 * Trains RaF-CLIP from one configuration, by the {@link TrainingLoop}. Everything random is a function of (seed, step), so
 * a run that was killed at any moment and resumed ends with the same bits as one that was not: on the same processor, with
 * the same libraries and Java, on any number of threads.
 */
public final class RafClipTrainer {

    private static final String ACCURACY = "validation/meanAccuracy";
    private static final String BALANCED_ACCURACY = "validation/meanBalancedAccuracy";
    private static final String MACRO_F1 = "validation/meanMacroF1";

    private static final String CAPTION_RECALL = "validation/captionRecallAt10";
    private static final int CAPTIONS_AT = 10;

    /**
     * The names under which a run's validations log their figures; higher is better in all.
     *
     * @param metric by which its validations are compared
     */
    public static List<String> validationMetrics(TrainConfig.Metric metric) {
        return metric == TrainConfig.Metric.RECALL_AT_10
                ? List.of(CAPTION_RECALL)
                : List.of(ACCURACY, BALANCED_ACCURACY, MACRO_F1);
    }

    private final RafClipConfig config;
    private final RunFolder folder;
    private final PhotoSplits photos;
    private final TrainingListener listener;
    private final Peers peers;

    /** @param photos whatever of them was read already is not read again */
    public RafClipTrainer(RafClipConfig config, PhotoSplits photos, TrainingListener listener) {
        this(config, photos, listener, Peers.ALONE);
    }

    /** @param peers that train with the same configuration; after the first, a trainer {@link #follow}s */
    public RafClipTrainer(RafClipConfig config, PhotoSplits photos, TrainingListener listener, Peers peers) {
        this.peers = peers;
        this.config = config;
        this.photos = photos;
        this.folder = new RunFolder(config.output().dir());
        this.listener = listener;
    }

    /**
     * Trains to the end.
     *
     * @param resume whether to go on from the last checkpoint; without one it starts at the beginning
     * @param provenance of this run
     * @throws DataException if the folder holds another run, or the loss is no longer a number
     */
    public TrainingLoop.Outcome train(boolean resume, Provenance provenance) throws IOException, InterruptedException {
        return new TrainingLoop(folder, provenance, listener, peers)
                .train(config, new RunFolder.Description("rafclip"), resume, this::open);
    }

    /**
     * Takes part in the training that the first of the peers leads, to its end. Writes nothing.
     *
     * @throws Peers.LostException if one of them is gone
     */
    public void follow() throws IOException, InterruptedException {
        TrainingLoop.follow(config, this::open, peers);
    }

    private TrainingLoop.Task open(Optional<Path> checkpoint) throws IOException, InterruptedException {
        if (checkpoint.isEmpty()) {
            requireImagesOfModel();
        }
        PhotoData.Parts parts = takingPart(PhotoData.parts(photos, config.data(), config.seed()));
        FashionSplit split = parts.split().annotations();
        boolean leads = peers.rank() == 0;
        if (leads) {
            folder.writePhotos(
                    parts.split().hashes(parts.train()), parts.validationSplit().hashes(parts.validation()));
            folder.writeVocabulary(Vocabulary.of(split.taxonomy(), parts.train()));
        }
        RegionLoader loader =
                PhotoData.loader(split, config.data(), config.data().train());
        loader.loadAll(
                parts.train(),
                config.data().threads(),
                listener.stage("preparing photos", parts.train().size()));
        if (leads) {
            ImageReader sizes = new ImageReader();
            folder.writeTypicalBox(TypicalBox.of(
                    parts.train(), item -> sizes.size(parts.split().photo(item))));
        }
        PhotoEvaluation validation = parts.validation().isEmpty() || !leads
                ? null
                : PhotoEvaluation.prepare(
                        PhotoData.loader(
                                parts.validationSplit().annotations(),
                                config.data(),
                                config.data().evaluation()),
                        parts.validation(),
                        config.data().threads(),
                        config.data().prefetch(),
                        listener.stage(
                                "preparing validation photos",
                                parts.validation().size()));
        requireMeasurable(parts, validation);
        if (parts.train().size() < config.train().batchSize()) {
            throw new DataException(parts.train().size() + " training photos make no batch of "
                    + config.train().batchSize() + "; add "
                    + TrainConfig.smallerBatch(parts.train().size()));
        }
        requireShares();
        FashionRecordReader reader = new FashionRecordReader(
                loader,
                parts.train(),
                new FashionRecordReader.Options(
                        true, config.seed(), config.data().threads()));
        ClipModel model = checkpoint.isPresent()
                ? loaded(checkpoint.get())
                : initialModel(config, split.taxonomy(), parts.train());
        try {
            return new Task(model, reader, validation, split.taxonomy());
        } catch (RuntimeException e) {
            model.close();
            throw e;
        }
    }

    /** Before any photo is prepared, which may take hours. */
    private void requireImagesOfModel() throws IOException {
        int size = described(config.model()).vision().imageSize();
        Path weights = config.model().weights();
        Optional<ModelPreparation> preparation =
                weights == null ? Optional.empty() : ModelPreparation.read(weights, size);
        preparation.ifPresent(own -> own.requireEnd(config.data(), weights));
        config.data().requireSize(size);
    }

    private int imagesOfBatch() {
        return BatchTexts.branches(config.loss()).length * config.train().batchSize();
    }

    private ClipModel loaded(Path checkpoint) throws IOException {
        return config.train().lora() == null
                ? ClipModel.load(checkpoint)
                : ClipModel.loadAdapted(checkpoint, config.train().adapters(config.seed()));
    }

    private void requireShares() {
        int images = imagesOfBatch();
        int chunks = GradCache.chunks(images, config.train().microBatch());
        if (peers.size() > 1 && chunks < peers.size()) {
            throw new DataException("a batch of " + images + " images makes " + chunks + " share"
                    + (chunks == 1 ? "" : "s") + " by train.micro-batch "
                    + config.train().microBatch() + ", and there are " + peers.size()
                    + " workers; say train.micro-batch=" + Math.max(1, images / peers.size()) + " or fewer workers");
        }
    }

    /** Where labels or captions are the whole loss, photos without one would leave batches without any text. */
    private PhotoData.Parts takingPart(PhotoData.Parts parts) {
        RafLossConfig loss = config.loss();
        List<FashionItem> photos = parts.train();
        if (loss.withCaptions()
                && photos.stream().allMatch(item -> item.captions().isEmpty())) {
            throw new DataException("loss.captions is " + loss.captions() + ", but none of the "
                    + parts.train().size() + " training photos has a caption; set loss.captions=0, or train on photos"
                    + " with captions");
        }
        if (loss.withCategories() || loss.withSentences()) {
            return parts;
        }
        List<FashionItem> taking = photos.stream()
                .filter(item -> loss.withCaptions() && !item.captions().isEmpty()
                        || loss.withRegions()
                                && item.attributes().stream().anyMatch(label -> label != FashionItem.MISSING))
                .toList();
        if (taking.isEmpty()) {
            throw new DataException(
                    "loss.alpha is 1, but none of the " + photos.size() + " training photos has an attribute"
                            + " label; set loss.alpha below 1, or train on photos with labels");
        }
        return new PhotoData.Parts(parts.split(), taking, parts.validationSplit(), parts.validation());
    }

    private void requireMeasurable(PhotoData.Parts parts, PhotoEvaluation validation) {
        if (validation == null) {
            return;
        }
        if (byCaptions()) {
            validation.captions();
        } else if (!validation.labelled()) {
            throw new DataException("none of the " + parts.validation().size() + " validation photos has an attribute"
                    + " label, so attribute recognition cannot be measured; set train.metric=recall-at-10 to validate by"
                    + " caption retrieval");
        } else {
            validation.requireLabels();
        }
    }

    private boolean byCaptions() {
        return config.train().metric() == TrainConfig.Metric.RECALL_AT_10;
    }

    /**
     * The model that a run starts from: the weights that it names, or random ones from its seed with a tokenizer trained
     * on the texts of its photos.
     *
     * @param trained the run's training photos
     */
    public static ClipModel initialModel(RafClipConfig config, AttributeTaxonomy taxonomy, List<FashionItem> trained)
            throws IOException {
        RafClipConfig.Model model = config.model();
        Lora adapters = config.train().adapters(config.seed());
        if (model.weights() != null) {
            ClipModel.requireIntact(model.weights());
            return ClipModel.loadToTrain(model.weights(), config.loss().sigmoid(), adapters);
        }
        ClipConfig described = described(model);
        ClipConfig clip = config.loss().sigmoid() ? described.withBiasOfLoss() : described;
        ClipTokenizer tokenizer = model.tokenizer() != null
                ? ClipTokenizer.fromFolder(model.tokenizer(), clip.text().context())
                : ClipTokenizer.train(
                        vocabularyTexts(config, taxonomy, trained),
                        clip.text().vocabularySize(),
                        clip.text().context());
        return new ClipModel(
                new DualEncoder(
                        clip.withVocabularySize(tokenizer.vocabSize()), DataType.FLOAT, config.seed(), adapters),
                tokenizer);
    }

    private static ClipConfig described(RafClipConfig.Model model) throws IOException {
        if (model.weights() != null) {
            return ClipModel.describe(model.weights());
        }
        return model.preset() != null ? ClipConfig.named(model.preset()) : model.clip();
    }

    private static Set<String> vocabularyTexts(
            RafClipConfig config, AttributeTaxonomy taxonomy, List<FashionItem> trained) {
        Prompts prompts = config.prompts();
        Set<String> categories = new LinkedHashSet<>();
        trained.forEach(
                item -> categories.add(item.category().orElse(config.data().categoryWord())));
        Set<String> texts = new LinkedHashSet<>();
        for (String category : categories) {
            for (FashionColor color : FashionColor.values()) {
                texts.addAll(prompts.category(color.word(), category));
                if (config.loss().withSentences()) {
                    texts.addAll(prompts.retrieval(color.word(), List.of(), category));
                }
            }
            for (AttributeTaxonomy.Group group : taxonomy.groups()) {
                group.words().forEach(words -> texts.addAll(prompts.attribute(words, category)));
            }
        }
        trained.forEach(item -> texts.addAll(item.captions()));
        return texts;
    }

    /** RaF-CLIP's part of the loop. */
    private final class Task implements TrainingLoop.Task {

        private final ClipModel model;
        private final RafLoss loss;
        private final FashionRecordReader reader;
        private final PhotoEvaluation validation;
        private final AttributeTaxonomy taxonomy;
        private final ContrastiveStep contrastive;
        private final Map<String, INDArray> trained;
        private boolean saidThatTextsAreCut;

        /** What adapters are trained on, by its content: the same file in every checkpoint. */
        private String base;

        /** @param validation null for none */
        Task(ClipModel model, FashionRecordReader reader, PhotoEvaluation validation, AttributeTaxonomy taxonomy) {
            this.model = model;
            this.loss = new RafLoss(config.loss(), taxonomy.groups().size(), DataType.FLOAT);
            this.reader = reader;
            this.validation = validation;
            this.taxonomy = taxonomy;
            this.trained = config.train().trained(model.encoder());
            model.computeIn(config.train().precision());
            this.contrastive = new ContrastiveStep(
                    model.encoder(),
                    model.graph(),
                    loss,
                    List.copyOf(trained.keySet()),
                    config.train().microBatch(),
                    peers);
            reader.limitTo(this::embedsHere);
            if (config.train().lora() != null && model.config().vision().residual()) {
                listener.message("train.lora adapts the text tower alone: a ModifiedResNet has no layers that take"
                        + " adapters, and stays as it is");
            }
        }

        /** A batch has all images of one branch, then those of the other. */
        private boolean embedsHere(int offset, FashionRecordReader.Column branch) {
            int place = List.of(BatchTexts.branches(config.loss())).indexOf(branch);
            int row = place * config.train().batchSize() + offset;
            GradCache.Share share = contrastive.share(imagesOfBatch());
            return place >= 0 && row >= share.from() && row < share.to();
        }

        @Override
        public Map<String, INDArray> parameters() {
            return trained;
        }

        @Override
        public int batchesPerEpoch() {
            return reader.size() / config.train().batchSize();
        }

        @Override
        public TrainingLoop.Epoch epoch(int epoch, int firstBatch) {
            int size = config.train().batchSize();
            reader.seek(epoch, firstBatch * size);
            StepInputs inputs =
                    new StepInputs(reader, batchesPerEpoch() - firstBatch, model.tokenizer(), taxonomy, config);
            return new Epoch(new Prefetch<>(inputs, config.data().prefetch(), StepInputs.Inputs::close));
        }

        private final class Epoch implements TrainingLoop.Epoch {

            private final Prefetch<StepInputs.Inputs> data;

            Epoch(Prefetch<StepInputs.Inputs> data) {
                this.data = data;
            }

            @Override
            public boolean hasNext() {
                return data.hasNext();
            }

            @Override
            public TrainingLoop.Computed next(int dropoutSeed) {
                StepInputs.Inputs inputs = data.next();
                INDArray images = inputs.images();
                try {
                    return new Computed(
                            inputs,
                            contrastive.runShare(
                                    images,
                                    imagesOfBatch(),
                                    inputs.encoded().pad(),
                                    inputs.texts().textOfImage(),
                                    dropoutSeed));
                } catch (RuntimeException e) {
                    images.close();
                    throw e;
                }
            }

            @Override
            public void close() {
                data.close();
            }
        }

        private final class Computed implements TrainingLoop.Computed {

            private final StepInputs.Inputs inputs;
            private final ContrastiveStep.Result step;

            Computed(StepInputs.Inputs inputs, ContrastiveStep.Result step) {
                this.inputs = inputs;
                this.step = step;
            }

            @Override
            public double loss() {
                return step.loss().total();
            }

            @Override
            public Map<String, INDArray> gradients() {
                return step.gradients();
            }

            @Override
            public TrainingListener.Batch batch() {
                Map<String, Double> figures = new LinkedHashMap<>();
                figures.put("categoryLoss", step.loss().category());
                figures.put("attributeLoss", step.loss().attribute());
                if (config.loss().withSentences()) {
                    figures.put("sentenceLoss", step.loss().sentence());
                }
                if (config.loss().withCaptions()) {
                    figures.put("captionLoss", step.loss().caption());
                }
                figures.put("temperature", model.temperature());
                if (config.loss().sigmoid()) {
                    figures.put(
                            "logitBias",
                            model.encoder()
                                    .parameters()
                                    .get(DualEncoder.LOGIT_BIAS)
                                    .getDouble(0));
                }
                figures.put("distinctTexts", (double) inputs.texts().texts().size());
                figures.put("textsCut", (double) inputs.encoded().cut());
                if (inputs.encoded().cut() > 0 && !saidThatTextsAreCut) {
                    saidThatTextsAreCut = true;
                    listener.message(inputs.encoded().cut() + " of a step's "
                            + inputs.texts().texts().size() + " different texts are longer than the "
                            + model.config().text().contextLength()
                            + " tokens that the model reads, and are cut there; textsCut in the metrics counts them");
                }
                return new TrainingListener.Batch(loss(), imagesOfBatch(), "images", figures);
            }

            @Override
            public void close() {
                step.close();
                inputs.images().close();
            }
        }

        @Override
        public void clamp() {
            contrastive.clampTemperature();
        }

        @Override
        public boolean validates() {
            return validation != null;
        }

        @Override
        public TrainingListener.Validation validate() {
            return byCaptions() ? captions() : attributes();
        }

        private TrainingListener.Validation captions() {
            RetrievalResult result =
                    validation.captionRetrieval(model, config.data().mirror(), List.of(CAPTIONS_AT), Progress.NONE);
            double textToImage = result.textToImage().instance().at(CAPTIONS_AT).recall();
            double imageToText = result.imageToText().instance().at(CAPTIONS_AT).recall();
            double score = (textToImage + imageToText) / 2;
            return new TrainingListener.Validation(
                    score,
                    Map.of(CAPTION_RECALL, score),
                    String.format(
                            Locale.ROOT,
                            "captions: mean R@10 %.2f %%, text to image %.2f %%, image to text %.2f %%",
                            100 * score,
                            100 * textToImage,
                            100 * imageToText),
                    result);
        }

        private TrainingListener.Validation attributes() {
            AttributeResult result =
                    validation.attributes(model, config.prompts(), config.data().mirror(), Progress.NONE);
            double score = switch (config.train().metric()) {
                case ACCURACY -> result.meanAccuracy();
                case BALANCED_ACCURACY -> result.meanBalancedAccuracy();
                case MEAN -> (result.meanAccuracy() + result.meanBalancedAccuracy()) / 2;
                default ->
                    throw new IllegalStateException(
                            "RafClipConfig refuses " + config.train().metric());
            };
            Map<String, Double> figures = new LinkedHashMap<>();
            figures.put(ACCURACY, result.meanAccuracy());
            figures.put(BALANCED_ACCURACY, result.meanBalancedAccuracy());
            figures.put(MACRO_F1, result.meanMacroF1());
            return new TrainingListener.Validation(
                    score,
                    figures,
                    String.format(
                            Locale.ROOT,
                            "mean accuracy %.2f %%, balanced %.2f %%, macro F1 %.2f %%",
                            100 * result.meanAccuracy(),
                            100 * result.meanBalancedAccuracy(),
                            100 * result.meanMacroF1()),
                    result);
        }

        @Override
        public boolean usable() {
            int size = model.config().vision().imageSize();
            try (INDArray image = Nd4j.zeros(DataType.FLOAT, 1, 3, size, size);
                    INDArray ofImage = model.encodeImages(image);
                    INDArray ofText = model.encodeTexts(List.of("a photo"))) {
                return Double.isFinite(AdamW.norm(trained))
                        && Double.isFinite(AdamW.norm(Map.of("image", ofImage, "text", ofText)));
            }
        }

        @Override
        public void save(Path dir, Map<String, String> metadata) throws IOException {
            LoraConfig lora = config.train().lora();
            if (lora == null) {
                model.save(dir, metadata);
                return;
            }
            Optional<Path> last = folder.checkpoints()
                    .find(Checkpoints.Which.LAST)
                    .map(checkpoint -> checkpoint.resolve(ClipModel.BASE_FILE));
            boolean intact = last.isPresent()
                    && Files.isRegularFile(last.get())
                    && (base == null || Sha256.of(last.get()).equals(base));
            model.saveAdapted(dir, lora, intact ? last.get() : null, metadata);
            if (base == null) {
                base = Sha256.of(dir.resolve(ClipModel.BASE_FILE));
            }
        }

        @Override
        public void close() {
            reader.close();
            loss.close();
            model.close();
        }
    }
}
