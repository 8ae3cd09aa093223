package org.rafclip.measure;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.text.Prompts;
import org.rafclip.eval.PhotoEvaluation;
import org.rafclip.eval.PhotoEvaluation.Images;
import org.rafclip.eval.Retrieval;

/**
 * The paper's Figures 3 to 5: what encoders answer to queries that a seed draws, none of them chosen.
 *
 * @param settings of all galleries
 * @param names how a photo's file is named in a figure
 */
public record EncoderFigures(FigureConfig settings, Function<Path, String> names) {

    /** The attribute of the paper's Figure 4. */
    private static final String PAPER_ATTRIBUTE = "v_neckline";

    /**
     * Figure 3: category and attributes that are seen in photos.
     *
     * @param label of the encoder
     */
    public Figure recognition(String title, String label, EncoderEvaluator evaluator) {
        PhotoEvaluation photos = evaluator.photos();
        List<String> categories = photos.categories();
        List<Figure.Query> queries = new ArrayList<>();
        for (int photo : settings.draw(3, photos.items().size(), settings.queries(), any -> true)) {
            FashionItem item = photos.items().get(photo);
            List<Figure.Answer> answers = new ArrayList<>();
            String category = photos.category(photo);
            if (categories.size() > 1) {
                List<List<String>> texts = categories.stream()
                        .map(name ->
                                evaluator.prompts().category(photos.color(photo).word(), name))
                        .toList();
                answers.add(answer(
                        "category",
                        categories,
                        List.of(categories.indexOf(category)),
                        evaluator.textsOf(photo, Images.CROPS, texts, 1)));
            }
            for (int g = 0; g < photos.taxonomy().groups().size(); g++) {
                AttributeTaxonomy.Group group = photos.taxonomy().group(g);
                List<Integer> right = item.classes(g);
                if (!right.isEmpty()) {
                    List<List<String>> texts = group.words().stream()
                            .map(words -> evaluator.prompts().attribute(words, category))
                            .toList();
                    answers.add(answer(
                            group.name(), group.words(), right, evaluator.textsOf(photo, Images.REGIONS, texts, 1)));
                }
            }
            queries.add(new Figure.Query(label, picture(evaluator, item), null, answers, List.of(), null, List.of()));
        }
        return new Figure(
                title,
                queries,
                List.of(
                        "Photos drawn by the seed from those measured, not chosen",
                        "The category is the nearest "
                                + Prompts.quoted(evaluator.prompts().category())
                                + " to the crop, an attribute the nearest "
                                + Prompts.quoted(evaluator.prompts().attribute())
                                + " to the masked region, with the labelled category",
                        categories.size() > 1
                                ? "Categories: " + String.join(", ", categories)
                                : "The data set has no categories"));
    }

    private static Figure.Answer answer(
            String group, List<String> words, List<Integer> labels, List<Retrieval.Hit> nearest) {
        Retrieval.Hit near = nearest.get(0);
        boolean right = labels.contains(near.index());
        return new Figure.Answer(
                1,
                null,
                group + ": " + words.get(near.index()),
                near.cosine(),
                right,
                right ? null : words.get(labels.get(0)));
    }

    private Figure.Picture picture(EncoderEvaluator evaluator, FashionItem item) {
        return Figure.Picture.of(evaluator.given().split(), item, names);
    }

    /** A group's attribute. */
    public record Attribute(int group, int label) {

        /** Whether a photo is labelled with it. */
        public boolean of(FashionItem item) {
            return item.classes(group).contains(label);
        }
    }

    /** The attributes of Figure 4's queries: the paper's where the data set has it, the others drawn. */
    public List<Attribute> attributes(AttributeTaxonomy taxonomy, List<FashionItem> items) {
        List<Attribute> possible = new ArrayList<>();
        Attribute first = null;
        for (int g = 0; g < taxonomy.groups().size(); g++) {
            for (int label = 0; label < taxonomy.group(g).size(); label++) {
                Attribute attribute = new Attribute(g, label);
                if (items.stream().filter(attribute::of).count() > 1) {
                    boolean paper = taxonomy.group(g).attributes().get(label).equals(PAPER_ATTRIBUTE);
                    first = paper ? attribute : first;
                    possible.add(attribute);
                }
            }
        }
        List<Attribute> asked = new ArrayList<>();
        if (first != null) {
            asked.add(first);
            possible.remove(first);
        }
        settings.draw(4, possible.size(), settings.queries() - asked.size(), any -> true)
                .forEach(attribute -> asked.add(possible.get(attribute)));
        return asked;
    }

    /**
     * Figure 4: images find images with an attribute of theirs.
     *
     * @param label of the encoder
     * @return one query an attribute
     */
    public List<Figure.Query> attributeRetrieval(String label, EncoderEvaluator evaluator, List<Attribute> asked) {
        List<FashionItem> items = evaluator.photos().items();
        AttributeTaxonomy taxonomy = evaluator.photos().taxonomy();
        List<Figure.Query> queries = new ArrayList<>();
        for (int i = 0; i < asked.size(); i++) {
            Attribute attribute = asked.get(i);
            int query = settings.draw(40 + i, items.size(), 1, photo -> attribute.of(items.get(photo)))
                    .get(0);
            List<Figure.Answer> answers = new ArrayList<>();
            for (Retrieval.Hit near : evaluator.imagesLike(query, Images.REGIONS, settings.answers())) {
                FashionItem item = items.get(near.index());
                answers.add(new Figure.Answer(
                        answers.size() + 1, picture(evaluator, item), null, near.cosine(), attribute.of(item), null));
            }
            queries.add(new Figure.Query(
                    label,
                    picture(evaluator, items.get(query)),
                    taxonomy.group(attribute.group()).words(attribute.label()),
                    answers,
                    List.of(),
                    null,
                    List.of()));
        }
        return queries;
    }

    /**
     * Figure 5, one half: texts find images.
     *
     * @param label of the encoder
     */
    public Figure textToImage(String title, String label, EncoderEvaluator evaluator, Images which) {
        List<FashionItem> items = evaluator.photos().items();
        List<List<String>> wordings = evaluator.photos().queries(evaluator.prompts());
        List<String> textOf = wordings.stream().map(some -> some.get(0)).toList();
        List<Figure.Query> queries = new ArrayList<>();
        for (int photo : settings.draw(51, items.size(), settings.queries(), any -> true)) {
            String text = textOf.get(photo);
            List<Figure.Answer> answers = new ArrayList<>();
            for (Retrieval.Hit near : evaluator.imagesOf(wordings.get(photo), which, settings.answers())) {
                answers.add(new Figure.Answer(
                        answers.size() + 1,
                        picture(evaluator, items.get(near.index())),
                        null,
                        near.cosine(),
                        textOf.get(near.index()).equals(text),
                        null));
            }
            queries.add(new Figure.Query(label, null, text, answers, List.of(), null, List.of()));
        }
        return new Figure(title + ": texts find images", queries, DRAWN);
    }

    private static final List<String> DRAWN =
            List.of("Queries drawn by the seed from the photos measured, not chosen; right is what has the same color,"
                    + " category and attributes");

    /**
     * Figure 5, the other half: images find texts.
     *
     * @param label of the encoder
     */
    public Figure imageToText(String title, String label, EncoderEvaluator evaluator, Images which) {
        List<FashionItem> items = evaluator.photos().items();
        List<List<String>> wordings = evaluator.photos().queries(evaluator.prompts());
        List<String> textOf = wordings.stream().map(some -> some.get(0)).toList();
        List<List<String>> distinct = wordings.stream().distinct().toList();
        List<Figure.Query> queries = new ArrayList<>();
        for (int photo : settings.draw(52, items.size(), settings.queries(), any -> true)) {
            String right = textOf.get(photo);
            List<Figure.Answer> answers = new ArrayList<>();
            for (Retrieval.Hit near : evaluator.textsOf(photo, which, distinct, settings.answers())) {
                String text = distinct.get(near.index()).get(0);
                boolean found = text.equals(right);
                answers.add(
                        new Figure.Answer(answers.size() + 1, null, text, near.cosine(), found, found ? null : right));
            }
            queries.add(new Figure.Query(
                    label, picture(evaluator, items.get(photo)), null, answers, List.of(), null, List.of()));
        }
        return new Figure(title + ": images find texts", queries, DRAWN);
    }
}
