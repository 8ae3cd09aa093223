package org.rafclip.eval;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.nd4j.evaluation.EvaluationAveraging;
import org.nd4j.evaluation.classification.ConfusionMatrix;
import org.nd4j.evaluation.classification.Evaluation;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Zero-shot attribute recognition as Tables 1 and 4 of the paper measure it: in each attribute group the answer is the
 * attribute whose text is nearest to the image by cosine (section 2.3).
 */
public final class AttributeRecognition {

    /** The label of an image that has none in a group. */
    public static final int MISSING = -1;

    /**
     * One attribute group to recognise.
     *
     * @param name of the group, e.g. {@code fabric}
     * @param attributes the k candidates
     * @param texts L2-normalised text embeddings: {@code [k, d]} if all images have the same texts, or
     *     {@code [c, k, d]} if the text depends on the image's category, as in {@code a photo of {attribute}
     *     {category}}
     * @param labels one an image: the right attribute's index, or {@link #MISSING}
     * @param further one list an image: attributes that are right beside the label, mostly none
     */
    public record Group(
            String name, List<String> attributes, INDArray texts, int[] labels, List<List<Integer>> further) {

        /** A group in which every image has one attribute at most. */
        public Group(String name, List<String> attributes, INDArray texts, int[] labels) {
            this(name, attributes, texts, labels, Collections.nCopies(labels.length, List.of()));
        }

        public Group {
            attributes = List.copyOf(attributes);
            further = List.copyOf(further);
            int rank = texts.rank();
            if (rank != 2 && rank != 3 || texts.size(rank - 2) != attributes.size()) {
                throw new IllegalArgumentException("group " + name + ": text embeddings of the shape "
                        + Arrays.toString(texts.shape()) + " do not fit " + attributes.size()
                        + " attributes; expected [k, d] or [c, k, d]");
            }
        }

        /**
         * What answers are scored against: the answer itself where it is one of the image's attributes, else the image's
         * label.
         *
         * @param answers one an image, an index
         */
        public int[] truths(int[] answers) {
            int[] truths = labels.clone();
            for (int i = 0; i < truths.length; i++) {
                truths[i] = further.get(i).contains(answers[i]) ? answers[i] : labels[i];
            }
            return truths;
        }

        private int categories() {
            return texts.rank() == 2 ? 1 : (int) texts.size(0);
        }
    }

    private AttributeRecognition() {}

    /**
     * Recognises every group in every image. An answer is right if it is one of the image's attributes in the group; where
     * an image has several, the figures count it under the one that was answered, or, if none was, under the first.
     *
     * @param images L2-normalised image embeddings, {@code [n, d]}
     * @param categories the category index of each image; may be null if no group's texts depend on it
     * @param groups what to recognise
     * @throws IllegalArgumentException if shapes or indices do not fit, an embedding is not of length 1, or a group has
     *     no labelled image
     */
    public static AttributeResult evaluate(INDArray images, int[] categories, List<Group> groups) {
        Embeddings checked = Embeddings.of(images, "image embeddings");
        List<AttributeResult.Group> results = new ArrayList<>();
        for (Group group : groups) {
            int[] answers = predict(checked, categories, group);
            results.add(score(group.name, group.attributes, group.truths(answers), answers));
        }
        return AttributeResult.of(checked.rows(), results);
    }

    /**
     * The answers alone.
     *
     * @param images L2-normalised image embeddings, {@code [n, d]}
     * @param categories the category index of each image; may be null if the group's texts do not depend on it
     * @param group its labels are not looked at
     * @return for each image the index of the nearest attribute; of two equally near, the lower
     */
    public static int[] predict(INDArray images, int[] categories, Group group) {
        return predict(Embeddings.of(images, "image embeddings"), categories, group);
    }

    private static int[] predict(Embeddings images, int[] categories, Group group) {
        return answers(scores(images, categories, group));
    }

    /**
     * The answers to {@link #scores}: the index of each image's highest one, of two equally high the lower.
     *
     * @param scores {@code [n][k]}
     */
    public static int[] answers(float[][] scores) {
        int[] answers = new int[scores.length];
        for (int i = 0; i < answers.length; i++) {
            for (int a = 1; a < scores[i].length; a++) {
                if (scores[i][a] > scores[i][answers[i]]) {
                    answers[i] = a;
                }
            }
        }
        return answers;
    }

    /**
     * What the answers are chosen by.
     *
     * @param images L2-normalised image embeddings, {@code [n, d]}
     * @param categories the category index of each image; may be null if the group's texts do not depend on it
     * @param group its labels are not looked at
     * @return cosines {@code [n][k]} of every image and every attribute's text
     */
    public static float[][] scores(INDArray images, int[] categories, Group group) {
        return scores(Embeddings.of(images, "image embeddings"), categories, group);
    }

    private static float[][] scores(Embeddings images, int[] categories, Group group) {
        int candidates = group.attributes.size();
        int sets = group.categories();
        requireCategories(categories, images.rows(), sets, group.name);
        Embeddings texts = Embeddings.of(group.texts, "text embeddings of group " + group.name);
        float[][] all = new float[images.rows()][];
        images.against(texts, (from, count, scores) -> {
            for (int i = 0; i < count; i++) {
                int category = sets == 1 ? 0 : categories[from + i];
                int offset = (i * sets + category) * candidates;
                all[from + i] = Arrays.copyOfRange(scores, offset, offset + candidates);
            }
        });
        return all;
    }

    private static void requireCategories(int[] categories, int images, int sets, String group) {
        if (sets == 1) {
            return;
        }
        if (categories == null || categories.length != images) {
            throw new IllegalArgumentException("group " + group + ": the texts depend on the category, so each of the "
                    + images + " images needs one; there are " + (categories == null ? 0 : categories.length));
        }
        for (int i = 0; i < images; i++) {
            if (categories[i] < 0 || categories[i] >= sets) {
                throw new IllegalArgumentException("group " + group + ": image " + i + " has the category "
                        + categories[i] + "; there are texts for " + sets + " categories");
            }
        }
    }

    /**
     * Scores answers however they came about.
     *
     * <p>Accuracy, confusion and recall come from ND4J's {@link Evaluation}. Macro F1 does not: Evaluation of 1.0.0-M2.1
     * leaves out of its mean every class that was never answered, so that a model which always gives one answer gets
     * that one class's F1 (0.4 where the mean is 0.2); and with two classes it gives the second one's F1 for the mean.
     *
     * @param name of the group
     * @param attributes the k candidates
     * @param labels one an image, the right index or {@link #MISSING}
     * @param answers one an image, an index
     * @throws IllegalArgumentException if an index is out of range, the lengths differ or no image has a label
     */
    public static AttributeResult.Group score(String name, List<String> attributes, int[] labels, int[] answers) {
        int k = attributes.size();
        if (labels.length != answers.length) {
            throw new IllegalArgumentException(
                    "group " + name + ": " + labels.length + " labels for " + answers.length + " images");
        }
        Evaluation evaluation = new Evaluation(attributes);
        int n = 0;
        for (int i = 0; i < labels.length; i++) {
            if (labels[i] == MISSING) {
                continue;
            }
            if (labels[i] < 0 || labels[i] >= k || answers[i] < 0 || answers[i] >= k) {
                throw new IllegalArgumentException("group " + name + ": image " + i + " has the label " + labels[i]
                        + " and the answer " + answers[i] + "; the attributes are 0 to " + (k - 1));
            }
            evaluation.eval(answers[i], labels[i]);
            n++;
        }
        if (n == 0) {
            throw new IllegalArgumentException(
                    "group " + name + ": none of the " + labels.length + " images has a label; leave the group out");
        }
        ConfusionMatrix<Integer> counts = evaluation.getConfusion();
        int[][] confusion = new int[k][k];
        int[] answered = new int[k];
        int majority = 0;
        int[] support = new int[k];
        for (int label = 0; label < k; label++) {
            for (int answer = 0; answer < k; answer++) {
                confusion[label][answer] = counts.getCount(label, answer);
                support[label] += confusion[label][answer];
                answered[answer] += confusion[label][answer];
            }
            if (support[label] > support[majority]) {
                majority = label;
            }
        }
        List<AttributeResult.Attribute> perAttribute = new ArrayList<>();
        double f1Sum = 0;
        int present = 0;
        for (int c = 0; c < k; c++) {
            int seen = support[c] + answered[c];
            double f1 = seen == 0 ? 0 : 2.0 * confusion[c][c] / seen;
            f1Sum += f1;
            present += seen == 0 ? 0 : 1;
            perAttribute.add(new AttributeResult.Attribute(
                    attributes.get(c), support[c], answered[c], evaluation.recall(c), evaluation.precision(c), f1));
        }
        return new AttributeResult.Group(
                name,
                n,
                labels.length - n,
                evaluation.accuracy(),
                evaluation.recall(EvaluationAveraging.Macro),
                f1Sum / present,
                (double) support[majority] / n,
                attributes.get(majority),
                1.0 / k,
                List.copyOf(attributes),
                List.copyOf(perAttribute),
                confusion);
    }
}
