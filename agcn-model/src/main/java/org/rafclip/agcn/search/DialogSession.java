package org.rafclip.agcn.search;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.rafclip.data.DataException;

/**
 * "The iterative finding of results" (Wang and Zhao 2024, introduction): a search in turns, in which an image of an answer
 * is the reference of the next query.
 *
 * <p>Every turn composes the present reference with what is said; the turns before have no other influence. Whatever was
 * done last can be taken back. For one thread.
 */
public final class DialogSession {

    private static final State NEW = new State(Optional.empty(), List.of(), Set.of());

    private final ImageSearch search;
    private final Rules rules;
    private final Deque<State> states = new ArrayDeque<>(List.of(NEW));

    /**
     * @param hits of an answer, at most
     * @param withReferences whether images that are or were a reference may be answers
     * @param withShown whether images of earlier answers may be answers again
     */
    public record Rules(int hits, boolean withReferences, boolean withShown) {

        public Rules {
            if (hits < 1) {
                throw new IllegalArgumentException("an answer has at least 1 hit, not " + hits);
            }
        }
    }

    /** @param references all so far, the present one included */
    private record State(Optional<String> reference, List<Turn> turns, Set<String> references) {}

    public DialogSession(ImageSearch search, Rules rules) {
        this.search = search;
        this.rules = rules;
    }

    /**
     * Begins anew with an image as reference.
     *
     * @throws DataException if it is not in the gallery
     */
    public void startFrom(String image) {
        search.place(image);
        states.push(new State(Optional.of(image), List.of(), Set.of(image)));
    }

    /**
     * Begins anew with images by text alone. One of them is to be chosen before the next turn.
     *
     * @throws DataException if the text is blank
     */
    public Turn startWith(String text) {
        return answered(
                NEW, new Turn(Optional.empty(), text, search.byText(text, rules.hits(), Set.of()), Optional.empty()));
    }

    /**
     * Composes the reference with a text.
     *
     * @throws DataException if the text is blank, or there is no reference yet
     */
    public Turn refine(String text) {
        State now = states.element();
        String reference = now.reference()
                .orElseThrow(() -> new DataException(
                        now.turns().isEmpty()
                                ? "there is nothing to refine yet; start from an image or with a text"
                                : "there is no reference yet; choose one of the hits first"));
        List<Hit> hits = search.composed(reference, text, rules.hits(), excluded(now));
        return answered(now, new Turn(Optional.of(reference), text, hits, Optional.empty()));
    }

    /**
     * Makes an image of the last answer the reference; another choice from the same answer replaces it.
     *
     * @throws DataException if it is not in the last answer
     */
    public void choose(Hit hit) {
        State now = states.element();
        if (now.turns().isEmpty() || !last(now).hits().contains(hit)) {
            throw new DataException("'" + hit.id() + "' is not in the last answer; choose one of its hits");
        }
        Turn answered = last(now);
        List<Turn> turns = new ArrayList<>(now.turns());
        turns.set(turns.size() - 1, new Turn(answered.reference(), answered.text(), answered.hits(), Optional.of(hit)));
        Set<String> references = new HashSet<>(now.references());
        references.add(hit.id());
        states.push(new State(Optional.of(hit.id()), List.copyOf(turns), references));
    }

    /**
     * Takes back the last start, refinement or choice.
     *
     * @return whether there was one
     */
    public boolean back() {
        if (states.size() == 1) {
            return false;
        }
        states.pop();
        return true;
    }

    /** The image that the next refinement starts from. */
    public Optional<String> reference() {
        return states.element().reference();
    }

    /** The turns so far, first to last. */
    public List<Turn> history() {
        return states.element().turns();
    }

    private Turn answered(State before, Turn turn) {
        List<Turn> turns = new ArrayList<>(before.turns());
        turns.add(turn);
        states.push(new State(before.reference(), List.copyOf(turns), before.references()));
        return turn;
    }

    private Set<String> excluded(State now) {
        Set<String> excluded = new HashSet<>();
        if (!rules.withReferences()) {
            excluded.addAll(now.references());
        }
        if (!rules.withShown()) {
            now.turns().forEach(turn -> turn.hits().forEach(hit -> excluded.add(hit.id())));
        }
        return excluded;
    }

    private static Turn last(State state) {
        return state.turns().get(state.turns().size() - 1);
    }
}
