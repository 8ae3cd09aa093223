package org.rafclip.search.query;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import lombok.AccessLevel;
import lombok.AllArgsConstructor;
import lombok.With;
import org.rafclip.data.DataException;
import org.rafclip.search.index.Filter;

/**
 * "The iterative finding of results" (Wang and Zhao 2024, introduction): a search in turns, in which a photo of an answer is
 * the reference of the next question.
 *
 * <p>Every turn composes the present reference with what is said; the turns before have no other influence. A dialog never
 * changes: each step gives the dialog after it, and {@link #back} the one before.
 */
@AllArgsConstructor(access = AccessLevel.PRIVATE)
public final class Dialog {

    private final Searcher searcher;
    private final Rules rules;
    private final Dialog before;
    private final Reference reference;
    private final List<Turn> turns;
    private final Set<String> references;

    /**
     * @param hits of an answer, at most
     * @param withReferences whether photos that are or were a reference may be answers
     * @param withShown whether photos of earlier answers may be answers again
     * @param filter what may be an answer
     */
    @With
    public record Rules(int hits, boolean withReferences, boolean withShown, Filter filter) {

        /** Ten hits of the whole index; references are no answers, photos shown before may be. */
        public static final Rules DEFAULT = new Rules(10, false, true, Filter.ALL);

        public Rules {
            if (hits < 1) {
                throw new IllegalArgumentException("an answer has at least 1 hit, not " + hits);
            }
        }
    }

    /**
     * The photo that the next question starts from.
     *
     * @param name for people
     * @param photo {@link Part.Example} or {@link Part.Upload}, of positive weight
     */
    public record Reference(String name, Part photo) {

        public Reference {
            if (photo instanceof Part.Words || !(photo.weight() > 0)) {
                throw new IllegalArgumentException("a reference is a photo of positive weight");
            }
        }

        /** A photo of the index. */
        public static Reference of(String id) {
            return new Reference(id, new Part.Example(id));
        }

        private Optional<String> id() {
            return photo instanceof Part.Example example ? Optional.of(example.id()) : Optional.empty();
        }
    }

    /**
     * A question and its answer.
     *
     * @param reference the photo that was refined, empty where none was
     * @param asked what was said
     * @param chosen the hit that became the next reference, empty as long as none has
     */
    public record Turn(Optional<Reference> reference, String asked, Answer answer, Optional<Answer.Hit> chosen) {}

    /** A dialog in which nothing has been said yet. */
    public static Dialog begin(Searcher searcher, Rules rules) {
        return new Dialog(searcher, rules, null, null, List.of(), Set.of());
    }

    /**
     * Begins anew with a photo as reference.
     *
     * @throws QueryException if it is of the index and not there
     */
    public Dialog from(Reference photo) {
        photo.id().filter(id -> searcher.index().get(id).isEmpty()).ifPresent(id -> {
            throw new QueryException(
                    "id",
                    "there is no photo '" + id + "' in this index of "
                            + searcher.index().info().entries());
        });
        return new Dialog(
                searcher, rules, this, photo, List.of(), photo.id().map(Set::of).orElse(Set.of()));
    }

    /**
     * Begins anew with a question that has no reference, such as words. A hit is to be chosen before the next turn.
     *
     * @param asked the question for people
     * @throws QueryException if the question has no answer
     */
    public Dialog ask(String asked, List<Part> parts) {
        Set<String> examples = new HashSet<>();
        for (Part part : parts) {
            if (part instanceof Part.Example example) {
                examples.add(example.id());
            }
        }
        Query query = Query.of(parts.toArray(Part[]::new))
                .withFilter(rules.filter())
                .withWithout(rules.withReferences() ? Set.of() : examples)
                .withLimit(rules.hits());
        Turn turn = new Turn(Optional.empty(), asked, searcher.search(query), Optional.empty());
        return new Dialog(searcher, rules, this, null, List.of(turn), Set.of());
    }

    /**
     * Refines the reference, or begins with words where there is nothing yet.
     *
     * @throws QueryException if the words are blank
     * @throws DataException if something was asked, but no hit chosen
     */
    public Dialog say(String words) {
        if (reference == null && turns.isEmpty()) {
            return ask(words, List.of(new Part.Words(words)));
        }
        if (reference == null) {
            throw new DataException("there is no reference yet; choose one of the hits first");
        }
        Query query = Query.of(reference.photo())
                .but(words)
                .withFilter(rules.filter())
                .withWithout(excluded())
                .withLimit(rules.hits());
        List<Turn> after = new ArrayList<>(turns);
        after.add(new Turn(Optional.of(reference), words, searcher.search(query), Optional.empty()));
        return new Dialog(searcher, rules, this, reference, List.copyOf(after), references);
    }

    /**
     * Makes a photo of the last answer the reference; another choice from the same answer replaces it.
     *
     * @param rank from 1
     * @throws DataException if there is no such photo in the last answer
     */
    public Dialog choose(int rank) {
        List<Answer.Hit> hits = turns.isEmpty()
                ? List.of()
                : turns.get(turns.size() - 1).answer().hits();
        if (rank < 1 || rank > hits.size()) {
            throw new DataException(
                    hits.isEmpty()
                            ? "there is no answer to choose " + rank + " of; say something first"
                            : "the last answer has no photo " + rank + ", only 1 to " + hits.size());
        }
        Answer.Hit hit = hits.get(rank - 1);
        Turn answered = turns.get(turns.size() - 1);
        List<Turn> after = new ArrayList<>(turns);
        after.set(
                after.size() - 1,
                new Turn(answered.reference(), answered.asked(), answered.answer(), Optional.of(hit)));
        Set<String> more = new HashSet<>(references);
        more.add(hit.id());
        return new Dialog(searcher, rules, this, Reference.of(hit.id()), List.copyOf(after), Set.copyOf(more));
    }

    /** The dialog before the last step, empty where there was none. */
    public Optional<Dialog> back() {
        return Optional.ofNullable(before);
    }

    /** The photo that the next turn starts from. */
    public Optional<Reference> reference() {
        return Optional.ofNullable(reference);
    }

    /** The turns so far, first to last. */
    public List<Turn> turns() {
        return turns;
    }

    private Set<String> excluded() {
        Set<String> excluded = new HashSet<>();
        if (!rules.withReferences()) {
            excluded.addAll(references);
        }
        if (!rules.withShown()) {
            turns.forEach(turn -> turn.answer().hits().forEach(hit -> excluded.add(hit.id())));
        }
        return excluded;
    }
}
