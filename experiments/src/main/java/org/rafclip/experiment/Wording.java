package org.rafclip.experiment;

import java.util.List;
import org.rafclip.eval.Setting;
import org.rafclip.train.Checkpoints;
import org.rafclip.train.RafClipConfig;

/** What tables of a suite say about how their rows came about. */
record Wording(SuiteConfig suite, SuitePhotos photos) {

    /** What tells subjects' row from others. */
    Setting setting(List<? extends Subject.OfPhotos> subjects, String protocol) {
        Subject.OfPhotos subject = subjects.get(0);
        RafClipConfig config = subject.config();
        String initial =
                config.model().weights() != null ? config.model().weights().toString() : "random weights";
        boolean trained = !(subject instanceof Subject.Start);
        return new Setting(
                trained ? "trained from " + initial : initial + ", untrained",
                "measured on " + photos.items(subject).size() + " photos of split " + photos.measuredName() + " in "
                        + suite.data().place() + heldOut(),
                protocol + (trained ? selection() : ""),
                trained ? photos.parts(config).train().size() : 0);
    }

    private String heldOut() {
        return suite.data().measured() == null ? ", held out of the training" : "";
    }

    private String selection() {
        return suite.checkpoint() == Checkpoints.Which.LAST
                ? "; last checkpoint"
                : suite.data().measured() == null
                        ? "; best checkpoint, chosen on the same photos"
                        : "; best checkpoint, chosen on photos held out of the training";
    }

    /** What composers' queries are made of. */
    String queries(Subject.Composer subject) {
        return suite.data().fashioniq() != null
                ? "FashionIQ's layout in " + suite.data().fashioniq()
                : "triplets from the labels of "
                        + photos.items(subject.encoder()).size() + " photos of split " + photos.measuredName() + " in "
                        + suite.data().place() + heldOut() + selection();
    }
}
