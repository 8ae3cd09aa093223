package org.rafclip.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.agcn.compose.ComposerModel;
import org.rafclip.agcn.compose.Explanation;
import org.rafclip.agcn.features.EncodedData;
import org.rafclip.agcn.train.AgcnConfig;
import org.rafclip.agcn.train.FrozenEncoder;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.data.Seeds;
import org.rafclip.data.Stages;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.fashioniq.CaptionForm;
import org.rafclip.data.fashioniq.FashionIq;
import org.rafclip.data.fashioniq.GalleryKind;
import org.rafclip.data.fashioniq.QuerySet;
import org.rafclip.data.image.Box;
import org.rafclip.eval.Retrieval;
import org.rafclip.eval.Table;
import org.rafclip.experiment.ComposedQueries;
import org.rafclip.experiment.Figure;
import org.rafclip.photos.PhotoData;
import org.rafclip.run.ConfigException;
import org.rafclip.text.ClipTokenizer;
import org.rafclip.train.Checkpoints;

/**
 * What a composer does with the queries that it was validated on: rankings as in the paper's Figure 6, the weights of its
 * branches, and where text and image look. The run's own configuration says which photos and which encoder.
 */
final class ComposerExamples {

    private static final int QUERIES = 6;
    private static final int ANSWERS = 6;
    private static final int BATCH = 64;

    private final Photos photos;
    private final Stages stages;

    /** The queries of one set with what the composer made of them. */
    private record Asked(QuerySet set, INDArray composed, Retrieval.Gallery gallery, List<Explanation> explanations) {}

    /** Where a set's photos lie and what is known of them. */
    private interface Album {

        Path file(String id);

        /** Null for photos without boxes and labels. */
        FashionItem item(String id);

        /** Null where photos have no labels. */
        AttributeTaxonomy taxonomy();
    }

    /** @param stages told of what takes time */
    ComposerExamples(Photos photos, Stages stages) {
        this.photos = photos;
        this.stages = stages;
    }

    /** The run's rankings and gates, or one note that says why there are none. */
    List<Page.Block> of(TrainedRun run) throws IOException {
        return examples(run, true);
    }

    /** The run's gates alone. */
    List<Page.Block> weights(TrainedRun run) throws IOException {
        return examples(run, false);
    }

    private List<Page.Block> examples(TrainedRun run, boolean rankings) throws IOException {
        try {
            return blocks(run, rankings);
        } catch (DataException | ConfigException e) {
            return List.of(Page.Note.missing("No examples of " + run.label() + ": " + e.getMessage()));
        }
    }

    private List<Page.Block> blocks(TrainedRun run, boolean rankings) throws IOException {
        AgcnConfig config = run.folder().config(AgcnConfig.class);
        requireFolder(config.rafclip().run(), "the encoder's run");
        requireFolder(
                config.data().dir() != null
                        ? config.data().dir()
                        : config.data().fashioniq(),
                "the photos");
        Path checkpoint = run.folder().checkpoint(Checkpoints.Which.BEST);
        try (ComposerModel composer = ComposerModel.load(checkpoint);
                FrozenEncoder encoder = FrozenEncoder.open(
                        config.rafclip().run(), config.rafclip().checkpoint())) {
            if (!composer.description().encoder().equals(encoder.hash())) {
                throw new DataException(
                        config.rafclip().run() + " holds another encoder than the one it was trained on");
            }
            return config.data().dir() != null
                    ? ofGarments(config, encoder, composer, rankings)
                    : ofFashionIq(config, encoder, composer, rankings);
        }
    }

    private static void requireFolder(Path folder, String what) {
        if (!Files.isDirectory(folder)) {
            throw new DataException(what + " are not in " + folder.toAbsolutePath()
                    + "; write the report in the folder that the training was started in");
        }
    }

    private List<Page.Block> ofGarments(
            AgcnConfig config, FrozenEncoder encoder, ComposerModel composer, boolean rankings) throws IOException {
        AgcnConfig.Data settings = config.data();
        FashionSplit split = FashionSplit.read(settings.dir(), settings.split());
        PhotoData.Parts parts = encoder.parts(split, settings.dir());
        List<FashionItem> items = parts.validation();
        if (items.isEmpty()) {
            throw new DataException("its encoder held no photos out, so that there are none to ask with");
        }
        ComposedQueries queries =
                ComposedQueries.ofPhotos(encoder, parts.validationSplit(), items, settings, CaptionForm.JOINED, stages);
        Map<String, FashionItem> byId = new HashMap<>();
        items.forEach(item -> byId.put(item.id(), item));
        return blocks(config, encoder, composer, queries, rankings, new Album() {
            @Override
            public Path file(String id) {
                return split.imageRoot().resolve(byId.get(id).image());
            }

            @Override
            public FashionItem item(String id) {
                return byId.get(id);
            }

            @Override
            public AttributeTaxonomy taxonomy() {
                return split.taxonomy();
            }
        });
    }

    private List<Page.Block> ofFashionIq(
            AgcnConfig config, FrozenEncoder encoder, ComposerModel composer, boolean rankings) throws IOException {
        FashionIq fashionIq = FashionIq.open(config.data().fashioniq());
        ComposedQueries queries = ComposedQueries.ofFashionIq(
                encoder, fashionIq, config.data(), GalleryKind.VAL_SPLIT, CaptionForm.JOINED, true, stages);
        return blocks(config, encoder, composer, queries, rankings, new Album() {
            @Override
            public Path file(String id) {
                return fashionIq
                        .images()
                        .folder()
                        .resolve(fashionIq.images().entry(id).orElse(id));
            }

            @Override
            public FashionItem item(String id) {
                return null;
            }

            @Override
            public AttributeTaxonomy taxonomy() {
                return null;
            }
        });
    }

    private List<Page.Block> blocks(
            AgcnConfig config,
            FrozenEncoder encoder,
            ComposerModel composer,
            ComposedQueries queries,
            boolean rankings,
            Album album) {
        List<Page.Block> blocks = new ArrayList<>();
        List<Asked> all = new ArrayList<>();
        for (QuerySet set : queries.sets()) {
            all.add(ask(composer, queries.features(), set));
        }
        for (int i = 0; rankings && i < all.size(); i++) {
            blocks.add(gallery(all.get(i), i, encoder.model().tokenizer(), album, config.seed()));
        }
        blocks.addAll(gates(all, album));
        return blocks;
    }

    private Asked ask(ComposerModel composer, EncodedData features, QuerySet set) {
        List<QuerySet.Query> queries = set.queries();
        Progress progress = stages.stage("composing queries", queries.size());
        List<Explanation> explanations = new ArrayList<>();
        List<INDArray> parts = new ArrayList<>();
        for (int from = 0; from < queries.size(); from += BATCH) {
            List<QuerySet.Query> some = queries.subList(from, Math.min(queries.size(), from + BATCH));
            ComposerModel.Explained explained = composer.explain(
                    features.images(some.stream().map(QuerySet.Query::reference).toList()),
                    features.texts(some.stream().map(QuerySet.Query::text).toList()));
            explanations.addAll(explained.explanations());
            parts.add(explained.queries());
            progress.update(from + some.size(), queries.size());
        }
        return new Asked(
                set,
                Nd4j.concat(0, parts.toArray(INDArray[]::new)),
                new Retrieval.Gallery(features.embeddings(set.gallery())),
                explanations);
    }

    private Page.Gallery gallery(Asked asked, int place, ClipTokenizer tokenizer, Album album, long seed) {
        QuerySet set = asked.set();
        int count = set.queries().size();
        List<Page.Ranking> rankings = new ArrayList<>();
        for (int i : Arrays.stream(Seeds.permutation(count, Seeds.stream(seed, 6, place)))
                .limit(QUERIES)
                .toArray()) {
            rankings.add(ranking(asked, i, tokenizer, album));
        }
        return new Page.Gallery(
                "Composed retrieval, " + set.category(),
                rankings,
                List.of(
                        String.format(
                                Locale.ROOT,
                                "%d of %,d validation queries, drawn by the run's seed and not chosen; a gallery of"
                                        + " %,d",
                                rankings.size(),
                                count,
                                set.gallery().size()),
                        album.taxonomy() == null
                                ? "Right is the one target of the data set; others may fit the words just as well"
                                : "Right is every photo with the wanted labels",
                        "a and b weigh what the image and what the text branch found (Eq. 12). The second picture shows"
                                + " where the text's end token looks in the last block, the words where the image's"
                                + " tokens look; both are means over the heads"));
    }

    private Page.Ranking ranking(Asked asked, int index, ClipTokenizer tokenizer, Album album) {
        QuerySet.Query query = asked.set().queries().get(index);
        Explanation explanation = asked.explanations().get(index);
        List<Page.Answer> answers = new ArrayList<>();
        for (Retrieval.Hit hit : asked.gallery().nearest(asked.composed().getRow(index, true), ANSWERS)) {
            String id = asked.set().gallery().get(hit.index());
            boolean right = query.right().contains(hit.index());
            answers.add(new Page.Answer(
                    answers.size() + 1,
                    photos.photo(album.file(id), box(album, id), Photos.MARGIN).orElse(null),
                    id.equals(query.reference()) ? "the reference itself" : labels(album, id),
                    String.format(Locale.ROOT, "%.3f", hit.cosine()),
                    right,
                    null));
        }
        Map<String, String> gates = new LinkedHashMap<>();
        mean(explanation.imageGate()).forEach(a -> gates.put("a", String.format(Locale.ROOT, "%.3f", a)));
        mean(explanation.textGate()).forEach(b -> gates.put("b", String.format(Locale.ROOT, "%.3f", b)));
        String reference = query.reference();
        Path file = album.file(reference);
        int side = (int) Math.round(Math.sqrt(explanation.patches().size()));
        return new Page.Ranking(
                "",
                query.text(),
                photos.photo(file, box(album, reference), side == 0 ? Photos.MARGIN : 0)
                        .orElse(null),
                side == 0
                        ? null
                        : photos.overlaid(
                                        file,
                                        box(album, reference),
                                        new Figure.Attention(side, side, explanation.patches()))
                                .orElse(null),
                labels(album, reference),
                gates,
                words(tokenizer, query.text(), explanation.words()),
                answers);
    }

    private static Box box(Album album, String id) {
        return album.item(id) == null ? null : album.item(id).box();
    }

    private static String labels(Album album, String id) {
        FashionItem item = album.item(id);
        return item == null ? id : String.join(", ", album.taxonomy().words(item));
    }

    /**
     * Attention to words. A word's tokens do not depend on its neighbours, so they are counted by encoding it alone.
     *
     * @param weights one a token of the text, start and end token included
     */
    static List<Page.Word> words(ClipTokenizer tokenizer, String text, List<Double> weights) {
        if (weights.isEmpty()) {
            return List.of();
        }
        List<String> parts = List.of(text.strip().split("\\s+"));
        int[][] ids = tokenizer.encode(parts).ids();
        List<Page.Word> words = new ArrayList<>();
        words.add(new Page.Word("‹start›", weights.get(0)));
        int at = 1;
        for (int i = 0; i < parts.size(); i++) {
            int to = Math.min(at + ids[i].length - 2, weights.size() - 1);
            words.add(new Page.Word(parts.get(i), sum(weights.subList(Math.min(at, to), to))));
            at = to;
        }
        words.add(new Page.Word("‹end›", weights.get(weights.size() - 1)));
        return words;
    }

    private static double sum(List<Double> values) {
        return values.stream().mapToDouble(Double::doubleValue).sum();
    }

    private static List<Double> mean(List<Double> values) {
        return values.isEmpty() ? List.of() : List.of(sum(values) / values.size());
    }

    private static List<Page.Block> gates(List<Asked> all, Album album) {
        List<Double> image = new ArrayList<>();
        List<Double> text = new ArrayList<>();
        List<List<Integer>> changed = new ArrayList<>();
        for (Asked asked : all) {
            for (int i = 0; i < asked.explanations().size(); i++) {
                image.addAll(mean(asked.explanations().get(i).imageGate()));
                text.addAll(mean(asked.explanations().get(i).textGate()));
                changed.add(changed(asked.set(), i, album));
            }
        }
        if (image.isEmpty()) {
            return List.of();
        }
        Page.Chart chart = Charts.histogram(
                "gates",
                "weight, lower end of each bin",
                List.of("a, of the image branch", "b, of the text branch"),
                List.of(image, text),
                String.format(
                        Locale.ROOT,
                        "Histogram of both gates over %,d queries; a is %.3f on average, b %.3f.",
                        image.size(),
                        sum(image) / image.size(),
                        sum(text) / text.size()),
                "How the gates of Eq. 12 weigh the branches over all validation queries, in bins of 0.05; of vector"
                        + " gates the mean over their elements.");
        return List.of(
                new Page.Heading("Weights of the branches"),
                chart,
                new Page.Figures(gateTable(image, text, changed, album)));
    }

    private static List<Integer> changed(QuerySet set, int index, Album album) {
        if (album.taxonomy() == null) {
            return List.of();
        }
        QuerySet.Query query = set.queries().get(index);
        List<Integer> from = album.item(query.reference()).attributes();
        List<Integer> to = album.item(set.gallery().get(query.right().get(0))).attributes();
        return IntStream.range(0, from.size())
                .filter(g -> !from.get(g).equals(to.get(g)))
                .boxed()
                .toList();
    }

    /**
     * Mean and standard deviation of both gates by what the text changes.
     *
     * @param changed the groups that each query changes
     */
    private static Table gateTable(List<Double> image, List<Double> text, List<List<Integer>> changed, Album album) {
        Map<String, Predicate<List<Integer>>> kinds = new LinkedHashMap<>();
        kinds.put("All queries", any -> true);
        if (album.taxonomy() != null) {
            kinds.put("One attribute changes", groups -> groups.size() == 1);
            kinds.put("Several attributes change", groups -> groups.size() > 1);
            for (int g = 0; g < album.taxonomy().groups().size(); g++) {
                int group = g;
                kinds.put("Changes the " + album.taxonomy().group(g).name(), groups -> groups.contains(group));
            }
        }
        List<List<String>> rows = new ArrayList<>();
        kinds.forEach((kind, holds) -> {
            int[] of = IntStream.range(0, image.size())
                    .filter(i -> holds.test(changed.get(i)))
                    .toArray();
            rows.add(List.of(kind, String.format(Locale.ROOT, "%,d", of.length), spread(image, of), spread(text, of)));
        });
        return new Table(
                "Mean weights by what the text changes",
                List.of("Kind of change", "Queries", "a, image branch", "b, text branch"),
                rows,
                List.of(
                        "Mean ± standard deviation over queries; a query that changes several attributes counts for"
                                + " each",
                        "The paper gives no such figures"));
    }

    private static String spread(List<Double> values, int[] of) {
        if (of.length == 0) {
            return Table.NONE;
        }
        double mean = Arrays.stream(of).mapToDouble(values::get).average().orElseThrow();
        double squares = Arrays.stream(of)
                .mapToDouble(i -> (values.get(i) - mean) * (values.get(i) - mean))
                .sum();
        return String.format(Locale.ROOT, "%.3f ± %.3f", mean, Math.sqrt(squares / of.length));
    }
}
