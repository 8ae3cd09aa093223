package org.rafclip.text;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.TreeMap;

/**
 * Learns byte-pair merges from texts: again and again the most frequent pair of neighbouring tokens inside words becomes
 * one token. Source: Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units", algorithm 1.
 *
 * <p>Deterministic, whatever the order of the texts: of equally frequent pairs the first in the tokens' own order wins.
 */
final class BpeTrainer {
    /** A pair seen once says nothing about the next text. */
    private static final long MIN_COUNT = 2;

    private record Pair(int left, int right) {}

    private record Candidate(Pair pair, long count, String left, String right) {
        static final Comparator<Candidate> BEST_FIRST = Comparator.comparingLong(Candidate::count)
                .reversed()
                .thenComparing(Candidate::left)
                .thenComparing(Candidate::right);
    }

    private static final class Word {
        private final long count;
        private List<Integer> tokens;

        Word(List<Integer> tokens, long count) {
            this.tokens = tokens;
            this.count = count;
        }
    }

    private final List<String> tokens = BpeVocabulary.byteTokens();
    private final Map<String, Integer> ids = new LinkedHashMap<>();
    private final Map<Pair, Long> counts = new HashMap<>();
    private final Map<Pair, Set<Word>> places = new HashMap<>();
    private final PriorityQueue<Candidate> candidates = new PriorityQueue<>(Candidate.BEST_FIRST);

    private BpeTrainer() {
        for (String token : tokens) {
            ids.put(token, ids.size());
        }
    }

    /**
     * Learns until the vocabulary has {@code vocabSize} tokens, or no pair occurs twice any more.
     *
     * @throws IllegalArgumentException when {@code vocabSize} does not even hold the byte and special tokens
     */
    static BpeVocabulary train(Collection<String> texts, int vocabSize) {
        int smallest = BpeVocabulary.BYTE_TOKENS + BpeVocabulary.SPECIAL_TOKENS;
        if (vocabSize < smallest) {
            throw new IllegalArgumentException("a vocabulary of " + vocabSize
                    + " tokens is too small: 512 byte tokens, start and end token make " + smallest
                    + ": ask for at least that");
        }
        return new BpeTrainer().learn(texts, vocabSize - BpeVocabulary.SPECIAL_TOKENS);
    }

    private BpeVocabulary learn(Collection<String> texts, int tokensWanted) {
        Map<String, Long> wordCounts = new TreeMap<>();
        for (String text : texts) {
            ClipText.words(ClipText.clean(text)).forEach(word -> wordCounts.merge(word, 1L, Long::sum));
        }
        Set<Pair> seen = new LinkedHashSet<>();
        wordCounts.forEach((text, count) -> {
            Word word = new Word(bytesOf(text), count);
            seen.addAll(count(word, 1));
        });
        seen.forEach(this::offer);

        List<BpeVocabulary.Merge> merges = new ArrayList<>();
        while (ids.size() < tokensWanted && !candidates.isEmpty()) {
            Candidate best = candidates.poll();
            if (best.count() != counts.getOrDefault(best.pair(), 0L)) {
                continue;
            }
            merges.add(new BpeVocabulary.Merge(best.left(), best.right()));
            merge(best.pair(), idOf(best.left() + best.right()));
        }
        idOf(ClipText.START);
        idOf(ClipText.END);
        return new BpeVocabulary(ids, merges);
    }

    private int idOf(String token) {
        return ids.computeIfAbsent(token, added -> {
            tokens.add(added);
            return tokens.size() - 1;
        });
    }

    private List<Integer> bytesOf(String word) {
        char[] symbols = BpeVocabulary.byteSymbols();
        byte[] bytes = word.getBytes(StandardCharsets.UTF_8);
        List<Integer> symbolIds = new ArrayList<>(bytes.length);
        for (int i = 0; i < bytes.length; i++) {
            String symbol = String.valueOf(symbols[bytes[i] & 0xff]);
            symbolIds.add(ids.get(i == bytes.length - 1 ? symbol + BpeVocabulary.WORD_END : symbol));
        }
        return symbolIds;
    }

    private void merge(Pair pair, int joined) {
        Set<Pair> changed = new LinkedHashSet<>();
        for (Word word : List.copyOf(places.get(pair))) {
            changed.addAll(count(word, -1));
            word.tokens = replaced(word.tokens, pair, joined);
            changed.addAll(count(word, 1));
        }
        changed.forEach(this::offer);
    }

    private static List<Integer> replaced(List<Integer> tokens, Pair pair, int joined) {
        List<Integer> result = new ArrayList<>(tokens.size());
        for (int i = 0; i < tokens.size(); i++) {
            boolean here = i + 1 < tokens.size() && tokens.get(i) == pair.left() && tokens.get(i + 1) == pair.right();
            result.add(here ? joined : tokens.get(i));
            i += here ? 1 : 0;
        }
        return result;
    }

    /** Adds a word's pairs to the counts, or takes them away, and returns them. */
    private Set<Pair> count(Word word, int sign) {
        Set<Pair> pairs = new LinkedHashSet<>();
        for (int i = 0; i + 1 < word.tokens.size(); i++) {
            Pair pair = new Pair(word.tokens.get(i), word.tokens.get(i + 1));
            counts.merge(pair, sign * word.count, Long::sum);
            pairs.add(pair);
        }
        for (Pair pair : pairs) {
            Set<Word> words = places.computeIfAbsent(pair, p -> new LinkedHashSet<>());
            if (sign > 0) {
                words.add(word);
            } else {
                words.remove(word);
            }
        }
        return pairs;
    }

    private void offer(Pair pair) {
        long count = counts.get(pair);
        if (count >= MIN_COUNT) {
            candidates.add(new Candidate(pair, count, tokens.get(pair.left()), tokens.get(pair.right())));
        }
    }
}
