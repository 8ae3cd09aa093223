package org.rafclip.search.index;

import java.util.Optional;
import java.util.ServiceLoader;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.rafclip.data.DataException;
import org.rafclip.data.Stages;

/** Where an index is kept that is no folder. What there is is found by {@link ServiceLoader}. */
public interface IndexStore {

    /** What the places of this store begin with, without the colon. */
    String scheme();

    /**
     * Opens an index to search it.
     *
     * @param place with its scheme
     * @throws DataException naming the place if there is none, or it cannot be reached
     */
    LiveIndex open(String place);

    /**
     * Makes an index of these entries, in the place of one that is there. Until it is whole, the one before is searched. What
     * an interrupted call has written is not written again.
     *
     * @param stages told of entries
     * @return what the index says of itself now
     * @throws DataException naming the place if it cannot be reached, or refuses an entry
     */
    IndexInfo fill(String place, Entries entries, Stages stages);

    /** A place as people may see it: without a password. */
    static String shown(String place) {
        return place.replaceFirst("(://[^/@:]*):[^/@]*@", "$1@");
    }

    /**
     * The store of a place, empty if it is a folder.
     *
     * @throws DataException if its store is not on the class path
     */
    static Optional<IndexStore> of(String place) {
        // Two letters at least, so that a Windows drive is none.
        Matcher scheme = Pattern.compile("([a-z]{2,}):.*").matcher(place);
        if (!scheme.matches()) {
            return Optional.empty();
        }
        return Optional.of(ServiceLoader.load(IndexStore.class).stream()
                .map(ServiceLoader.Provider::get)
                .filter(store -> store.scheme().equals(scheme.group(1)))
                .findFirst()
                .orElseThrow(() -> new DataException(shown(place) + ": no index is kept by '" + scheme.group(1)
                        + "'. For opensearch:http://HOST:9200/NAME start through ./rafclip, which builds with the Maven profile"
                        + " cluster; a folder of that name is ./" + shown(place))));
    }
}
