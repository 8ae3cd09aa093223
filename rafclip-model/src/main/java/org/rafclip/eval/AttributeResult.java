package org.rafclip.eval;

import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * Attribute recognition on one set of images. All figures are shares between 0 and 1; the means are plain means over
 * the groups.
 *
 * @param images how many images were shown
 * @param meanAccuracy mean over groups of {@link Group#accuracy}, the paper's mean precision
 * @param meanBalancedAccuracy mean over groups of {@link Group#balancedAccuracy}
 * @param meanMacroF1 mean over groups of {@link Group#macroF1}
 * @param meanMajorityAccuracy mean over groups of {@link Group#majorityAccuracy}
 * @param meanChance mean over groups of {@link Group#chance}
 * @param groups one entry a group, in the given order
 */
public record AttributeResult(
        int images,
        double meanAccuracy,
        double meanBalancedAccuracy,
        double meanMacroF1,
        double meanMajorityAccuracy,
        double meanChance,
        List<Group> groups) {

    /**
     * One attribute group.
     *
     * @param name of the group
     * @param n images with a label in this group; only they count
     * @param missing images without one
     * @param accuracy share of the n answered right; what the paper calls precision
     * @param balancedAccuracy mean recall over the attributes that occur as labels
     * @param macroF1 mean F1 over the attributes that occur as labels or as answers (an F1 without any true positive
     *     is 0), as scikit-learn's {@code f1_score(average="macro")}
     * @param majorityAccuracy what always answering the most frequent of these labels reaches: the best constant answer
     * @param majorityAttribute that label
     * @param chance what a uniform guess among the attributes reaches, in accuracy and balanced accuracy alike
     * @param attributes the candidates
     * @param perAttribute figures of each candidate
     * @param confusion rows are labels, columns answers, both in the order of {@code attributes}
     */
    public record Group(
            String name,
            int n,
            int missing,
            double accuracy,
            double balancedAccuracy,
            double macroF1,
            double majorityAccuracy,
            String majorityAttribute,
            double chance,
            List<String> attributes,
            List<Attribute> perAttribute,
            int[][] confusion) {}

    /**
     * One attribute of a group.
     *
     * @param name of the attribute
     * @param support images that have it
     * @param answered images that were answered with it
     * @param recall share of its images answered right; 0 if it has none
     * @param precision share of its answers that are right; 0 if it was never answered
     * @param f1 harmonic mean of the two; 0 if both are
     */
    public record Attribute(String name, int support, int answered, double recall, double precision, double f1) {}

    /** Takes the means. */
    public static AttributeResult of(int images, List<Group> groups) {
        if (groups.isEmpty()) {
            throw new IllegalArgumentException("there is no attribute group to take a mean of");
        }
        return new AttributeResult(
                images,
                mean(groups, Group::accuracy),
                mean(groups, Group::balancedAccuracy),
                mean(groups, Group::macroF1),
                mean(groups, Group::majorityAccuracy),
                mean(groups, Group::chance),
                List.copyOf(groups));
    }

    private static double mean(List<Group> groups, ToDoubleFunction<Group> figure) {
        return groups.stream().mapToDouble(figure).sum() / groups.size();
    }
}
