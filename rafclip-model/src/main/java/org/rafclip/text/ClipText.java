package org.rafclip.text;

import java.math.BigInteger;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.unbescape.html.HtmlEscape;

/** What CLIP does to a text before byte-pair encoding: cleaning, and the split into words. */
final class ClipText {
    static final String START = "<|startoftext|>";
    static final String END = "<|endoftext|>";

    /** CLIP's word pattern without its special tokens, in a form that Java and Rust read alike. */
    static final String WORD_PATTERN = "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";

    /** Python counts the four information separators as white space, Java does not. */
    private static final Pattern BLANKS = Pattern.compile("[\\p{IsWhite_Space}\\x1c-\\x1f]+");

    private static final Pattern WORDS = Pattern.compile(
            Pattern.quote(START) + "|" + Pattern.quote(END) + "|" + WORD_PATTERN, Pattern.UNICODE_CHARACTER_CLASS);
    private static final Pattern LONE_SURROGATE =
            Pattern.compile("[\\ud800-\\udbff](?![\\udc00-\\udfff])|(?<![\\ud800-\\udbff])[\\udc00-\\udfff]");

    /** What may be an HTML entity: decimal, hexadecimal or named, with or without its semicolon. */
    private static final Pattern ENTITY =
            Pattern.compile("&(?:#(\\d+);?|#[xX](\\p{XDigit}+);?|([^\\t\\n\\f <&#;]{1,32};?))");

    private ClipText() {}

    /**
     * The text as CLIP encodes it: HTML entities resolved twice, composed characters (NFC), runs of white space made one
     * blank, none at the ends, lower case. Halves of surrogate pairs, which no encoding has, become U+FFFD.
     */
    static String clean(String text) {
        return cleanInItsCase(text).toLowerCase(Locale.ROOT);
    }

    /** {@link #clean} without lower case. */
    static String cleanInItsCase(String text) {
        String resolved = resolveEntities(resolveEntities(text));
        String whole = withoutHalfCharacters(resolved);
        String composed = Normalizer.normalize(whole, Normalizer.Form.NFC);
        return BLANKS.matcher(composed).replaceAll(" ").strip();
    }

    /** The text with U+FFFD for halves of surrogate pairs, which no encoding has. */
    static String withoutHalfCharacters(String text) {
        return LONE_SURROGATE.matcher(text).replaceAll("\ufffd");
    }

    /** The words of a cleaned text, without the special tokens. */
    static List<String> words(String cleaned) {
        List<String> words = new ArrayList<>();
        Matcher matcher = WORDS.matcher(cleaned);
        while (matcher.find()) {
            if (!matcher.group().equals(START) && !matcher.group().equals(END)) {
                words.add(matcher.group());
            }
        }
        return words;
    }

    /** HTML 5 entities as Python's {@code html.unescape} resolves them, in the corners too. */
    private static String resolveEntities(String text) {
        return text.indexOf('&') < 0
                ? text
                : ENTITY.matcher(text).replaceAll(entity -> Matcher.quoteReplacement(resolve(entity)));
    }

    private static String resolve(MatchResult entity) {
        if (entity.group(3) == null) {
            boolean decimal = entity.group(1) != null;
            BigInteger number = new BigInteger(entity.group(decimal ? 1 : 2), decimal ? 10 : 16);
            int code = number.bitLength() < 31 ? number.intValue() : Integer.MAX_VALUE;
            return isNoCharacter(code) ? "" : HtmlEscape.unescapeHtml("&#" + code + ";");
        }
        String whole = entity.group();
        for (int length = whole.length(); length > 2; length--) {
            String name = whole.substring(0, length);
            String resolved = HtmlEscape.unescapeHtml(name);
            if (!resolved.equals(name)) {
                return resolved + whole.substring(length);
            }
        }
        return whole;
    }

    /** Control characters and code points that Unicode keeps free, which Python drops. */
    private static boolean isNoCharacter(int code) {
        boolean control = code >= 0x1 && code <= 0x8 || code == 0xb || code >= 0xe && code <= 0x1f || code == 0x7f;
        boolean free =
                code >= 0xfdd0 && code <= 0xfdef || code <= Character.MAX_CODE_POINT && (code & 0xfffe) == 0xfffe;
        return control || free;
    }
}
