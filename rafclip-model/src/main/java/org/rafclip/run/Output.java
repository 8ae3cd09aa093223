package org.rafclip.run;

import java.nio.file.Path;

/** Where the results of a run or a suite go. */
public record Output(Path dir) {}
