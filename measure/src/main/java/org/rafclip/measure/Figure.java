package org.rafclip.measure;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.image.Box;
import org.rafclip.photos.PhotoSplit;

/**
 * A gallery in the manner of the paper's Figures 3 to 6: queries, each with ranked answers.
 *
 * @param title above it
 * @param queries in order; where several methods answer the same query they follow each other
 * @param notes below it: how the queries were chosen, what counts as right
 */
public record Figure(String title, List<Query> queries, List<String> notes) {

    /**
     * A query with its answers. It has a picture, a text or both.
     *
     * @param method that answers, as the tables call it
     * @param picture null for none
     * @param text null for none
     * @param answers best first
     * @param measures figures of this query, such as the weights of AGCN's branches; may be empty
     * @param attention where in the picture the text looks; null where a method has no such thing
     * @param words the words of the text with the weights by which the picture looks at them; may be empty
     */
    public record Query(
            String method,
            Picture picture,
            String text,
            List<Answer> answers,
            List<Measure> measures,
            Attention attention,
            List<Word> words) {

        public Query {
            if (picture == null && text == null) {
                throw new IllegalArgumentException("a query needs a picture, a text or both");
            }
            answers = List.copyOf(answers);
            measures = List.copyOf(measures);
            words = List.copyOf(words);
        }
    }

    /**
     * One answer. It has a picture or a text.
     *
     * @param rank from 1
     * @param picture null for none
     * @param text null for none
     * @param score the cosine that ranks it
     * @param right whether it is one of the right ones
     * @param expected what would have been right, null where {@code right} or where there is not one thing
     */
    public record Answer(int rank, Picture picture, String text, double score, boolean right, String expected) {

        public Answer {
            if ((picture == null) == (text == null)) {
                throw new IllegalArgumentException("an answer has either a picture or a text");
            }
        }
    }

    /**
     * A garment in a photo.
     *
     * @param file the photo, as whoever shows the figure finds it
     * @param box the garment, null for the whole photo
     * @param labels in words, may be empty
     */
    public record Picture(String file, Box box, List<String> labels) {

        public Picture {
            labels = List.copyOf(labels);
        }

        /**
         * A labelled garment.
         *
         * @param names how a photo's file is named in the figure
         */
        public static Picture of(PhotoSplit split, FashionItem item, Function<Path, String> names) {
            List<String> labels = new ArrayList<>();
            item.category().ifPresent(labels::add);
            labels.addAll(split.taxonomy().words(item));
            return new Picture(names.apply(split.photo(item)), item.box(), labels);
        }
    }

    /** A word with the weight that it was given. */
    public record Word(String text, double weight) {}

    /** A named number. */
    public record Measure(String name, double value) {}

    /**
     * Weights over a grid laid on the part of a photo that the model sees: its box where it has one.
     *
     * @param rows of the grid
     * @param columns of the grid
     * @param weights row by row, they sum to 1
     */
    public record Attention(int rows, int columns, List<Double> weights) {

        public Attention {
            weights = List.copyOf(weights);
            if (weights.size() != rows * columns) {
                throw new IllegalArgumentException(
                        weights.size() + " weights on a grid of " + rows + " rows and " + columns + " columns");
            }
        }
    }

    public Figure {
        queries = List.copyOf(queries);
        notes = List.copyOf(notes);
    }
}
