package org.rafclip.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.DataException;
import org.rafclip.data.Seeds;
import org.rafclip.data.Stages;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.text.Prompts;
import org.rafclip.eval.PhotoEvaluation;
import org.rafclip.eval.Retrieval;
import org.rafclip.photos.PhotoConfig;
import org.rafclip.photos.PhotoData;
import org.rafclip.run.ConfigException;
import org.rafclip.train.Checkpoints;
import org.rafclip.train.RafClipConfig;

/**
 * What RaF-CLIP sees in the photos that its run kept out of training: attributes as in the paper's Figure 3, and photos
 * found by text as in Figure 5. The run's own configuration says which photos.
 */
final class EncoderExamples {

    private static final int GARMENTS = 6;
    private static final int QUERIES = 5;
    private static final int ANSWERS = 6;

    private final Photos photos;
    private final Stages stages;

    /** Photos with what they are asked. */
    private record Album(FashionSplit split, PhotoEvaluation photos, INDArray images, long seed) {}

    /** @param stages told of what takes time */
    EncoderExamples(Photos photos, Stages stages) {
        this.photos = photos;
        this.stages = stages;
    }

    /** The run's examples, or one note that says why there are none. */
    List<Page.Block> of(TrainedRun run) throws IOException {
        try {
            return blocks(run);
        } catch (DataException | ConfigException e) {
            return List.of(Page.Note.missing("No examples of " + run.label() + ": " + e.getMessage()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while photos were prepared", e);
        }
    }

    private List<Page.Block> blocks(TrainedRun run) throws IOException, InterruptedException {
        RafClipConfig config = run.folder().config();
        PhotoConfig data = config.data();
        if (!Files.isDirectory(data.dir())) {
            throw new DataException("the photos are not in " + data.dir().toAbsolutePath()
                    + "; write the report in the folder that the training was started in");
        }
        Path checkpoint = run.folder().checkpoint(Checkpoints.Which.BEST);
        PhotoData.Parts parts = PhotoData.parts(FashionSplit.read(data.dir(), data.split()), data, config.seed());
        if (parts.validation().isEmpty()) {
            throw new DataException("the run held no photos out, so that there are none to ask with");
        }
        PhotoEvaluation prepared = PhotoEvaluation.prepare(
                PhotoData.loader(parts.validationSplit(), data, data.evaluation()),
                parts.validation(),
                data.threads(),
                data.prefetch(),
                stages.stage("preparing photos", parts.validation().size()));
        try (ClipModel model = ClipModel.load(checkpoint);
                INDArray images = prepared.images(
                        model,
                        PhotoEvaluation.Images.REGIONS,
                        data.mirror(),
                        stages.stage("encoding photos", parts.validation().size()))) {
            Album album = new Album(parts.validationSplit(), prepared, images, config.seed());
            return List.of(recognitions(album, model), retrievals(album, model));
        }
    }

    private Page.Gallery recognitions(Album album, ClipModel model) {
        List<Page.Ranking> garments = new ArrayList<>();
        for (int i : drawn(album, 3, GARMENTS)) {
            FashionItem item = album.photos().items().get(i);
            List<Page.Answer> answers = new ArrayList<>();
            for (int g = 0; g < album.split().taxonomy().groups().size(); g++) {
                AttributeTaxonomy.Group group = album.split().taxonomy().group(g);
                int label = item.attributes().get(g);
                if (label != FashionItem.MISSING) {
                    List<String> texts = group.words().stream()
                            .map(words ->
                                    Prompts.attribute(words, album.photos().category(i)))
                            .toList();
                    Retrieval.Hit nearest = new Retrieval.Gallery(model.encodeTexts(texts))
                            .nearest(album.images().getRow(i, true), 1)
                            .get(0);
                    int answer = nearest.index();
                    answers.add(new Page.Answer(
                            1,
                            null,
                            group.name() + ": " + group.words(answer),
                            score(nearest.cosine()),
                            answer == label,
                            answer == label ? null : group.words(label)));
                }
            }
            garments.add(ranking(null, picture(album, item), answers));
        }
        return new Page.Gallery(
                "Attribute recognition",
                garments,
                List.of(String.format(
                        Locale.ROOT,
                        "%d of %,d photos that were not trained on, drawn by the run's seed and not chosen; the answer"
                                + " is the nearest \"a photo of {attribute} {category}\" to the masked garment, beside it"
                                + " the cosine",
                        garments.size(),
                        album.photos().items().size())));
    }

    private Page.Gallery retrievals(Album album, ClipModel model) {
        List<Page.Ranking> queries = new ArrayList<>();
        List<String> texts = album.photos().queries();
        Retrieval.Gallery gallery = new Retrieval.Gallery(album.images());
        for (int i : drawn(album, 5, QUERIES)) {
            List<Page.Answer> answers = new ArrayList<>();
            for (Retrieval.Hit hit : gallery.nearest(model.encodeTexts(List.of(texts.get(i))), ANSWERS)) {
                FashionItem found = album.photos().items().get(hit.index());
                answers.add(new Page.Answer(
                        answers.size() + 1,
                        picture(album, found),
                        texts.get(hit.index()),
                        score(hit.cosine()),
                        texts.get(hit.index()).equals(texts.get(i)),
                        null));
            }
            queries.add(ranking(texts.get(i), null, answers));
        }
        return new Page.Gallery(
                "Photos found by text",
                queries,
                List.of("Texts of photos drawn by the run's seed and not chosen, made of their labels; right is every"
                        + " photo with the same labels, and often there is one alone"));
    }

    private static Page.Ranking ranking(String text, PageImage picture, List<Page.Answer> answers) {
        return new Page.Ranking("", text, picture, null, "", Map.of(), List.of(), answers);
    }

    private static int[] drawn(Album album, int figure, int count) {
        int all = album.photos().items().size();
        return Arrays.stream(Seeds.permutation(all, Seeds.stream(album.seed(), figure)))
                .limit(count)
                .toArray();
    }

    private PageImage picture(Album album, FashionItem item) {
        return photos.photo(album.split().imageRoot().resolve(item.image()), item.box(), Photos.MARGIN)
                .orElse(null);
    }

    private static String score(double cosine) {
        return String.format(Locale.ROOT, "%.3f", cosine);
    }
}
