package org.rafclip.data.fashioniq;

import java.util.List;
import java.util.Locale;
import org.rafclip.data.Seeds;

/**
 * The rules by which the captions of a triplet become a text, those of CLIP4Cir (Baldrati et al., CVPR 2022), which most
 * later work took over: {@code . ? ,} and blanks are stripped from both ends, a text begins with a capital and goes on in
 * lower case up to the "and".
 *
 * <p>Where one of two captions is blank the text is the other one alone, in every form; CLIP4Cir's would begin with
 * "and".
 */
public final class Captions {

    private static final String STRIPPED = ".?, ";

    private Captions() {}

    /** The texts that a triplet is asked with: one if joined, one for each caption that is not blank if single. */
    public static List<String> queries(List<String> captions, CaptionForm form) {
        return switch (form) {
            case JOINED -> List.of(joined(captions));
            case SINGLE -> cleaned(captions).stream().map(Captions::capitalized).toList();
        };
    }

    /** Both captions as one text: {@code "{c1} and {c2}"}. */
    public static String joined(List<String> captions) {
        List<String> cleaned = cleaned(captions);
        return cleaned.size() == 1
                ? capitalized(cleaned.get(0))
                : capitalized(cleaned.get(0)) + " and " + cleaned.get(1);
    }

    /**
     * The text of a training step: each of {@code c1 and c2}, {@code c2 and c1}, {@code c1}, {@code c2} in a quarter of
     * the cases, by nothing but the three numbers.
     *
     * @param index the triplet's place among all that are trained on
     */
    public static String training(List<String> captions, long seed, int epoch, int index) {
        List<String> cleaned = cleaned(captions);
        if (cleaned.size() == 1) {
            return capitalized(cleaned.get(0));
        }
        String first = cleaned.get(0);
        String second = cleaned.get(1);
        return switch (Seeds.stream(seed, epoch, index).nextInt(4)) {
            case 0 -> capitalized(first) + " and " + second;
            case 1 -> capitalized(second) + " and " + first;
            case 2 -> capitalized(first);
            default -> capitalized(second);
        };
    }

    /** Whether nothing is left of a caption once it is cleaned. */
    public static boolean isBlank(String caption) {
        return stripped(caption).isEmpty();
    }

    private static List<String> cleaned(List<String> captions) {
        List<String> cleaned = captions.stream()
                .map(Captions::stripped)
                .filter(caption -> !caption.isEmpty())
                .toList();
        if (cleaned.isEmpty() || captions.size() > 2) {
            throw new IllegalArgumentException(
                    "a triplet has one or two captions, at least one of them not blank; these are " + captions);
        }
        return cleaned;
    }

    private static String stripped(String caption) {
        int from = 0;
        int to = caption.length();
        while (from < to && STRIPPED.indexOf(caption.charAt(from)) >= 0) {
            from++;
        }
        while (to > from && STRIPPED.indexOf(caption.charAt(to - 1)) >= 0) {
            to--;
        }
        return caption.substring(from, to);
    }

    private static String capitalized(String text) {
        int first = text.codePointAt(0);
        return Character.toString(Character.toTitleCase(first))
                + text.substring(Character.charCount(first)).toLowerCase(Locale.ROOT);
    }
}
