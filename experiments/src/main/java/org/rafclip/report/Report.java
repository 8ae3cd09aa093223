package org.rafclip.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.rafclip.io.AtomicFiles;

/**
 * Writes what a folder holds as a page: {@value #HTML}, which needs nothing beside it, and {@value #MARKDOWN} with its
 * pictures in {@value #PICTURES}. The same folder gives the same bytes.
 */
public final class Report {

    public static final String HTML = "report.html";
    public static final String MARKDOWN = "report.md";
    public static final String PICTURES = "report-pictures";

    private Report() {}

    /** Reports one folder, see {@link #write(List, Path)}. */
    public static Written write(Path dir, Path out) throws IOException {
        return write(List.of(dir), out);
    }

    /**
     * What was written.
     *
     * @param html the page
     * @param markdown the same
     * @param sections titles, in order
     * @param notes what the page says is missing or easily misread, each as {@code Missing: …} or {@code Caution: …}
     */
    public record Written(Path html, Path markdown, List<String> sections, List<String> notes) {}

    /**
     * Reports a training run, a folder of runs, or a suite's folder; of several runs or suites, what tells them apart.
     *
     * @param dirs what to report
     * @param out where to write, made if it is missing; earlier reports in it are replaced
     * @throws org.rafclip.data.DataException if a folder holds nothing to report
     * @throws IOException if it cannot be read or the page cannot be written
     */
    public static Written write(List<Path> dirs, Path out) throws IOException {
        Page page = PageBuilder.build(dirs);
        Files.createDirectories(out);
        Path pictures = out.resolve(PICTURES);
        AtomicFiles.deleteDirectory(pictures);
        if (!page.pictures().isEmpty()) {
            AtomicFiles.writeDirectory(pictures, folder -> {
                for (PageImage picture : page.pictures()) {
                    Files.write(folder.resolve(picture.name()), picture.bytes());
                }
            });
        }
        AtomicFiles.writeString(out.resolve(MARKDOWN), MarkdownWriter.write(page, PICTURES));
        AtomicFiles.writeString(out.resolve(HTML), HtmlWriter.write(page));
        return new Written(
                out.resolve(HTML),
                out.resolve(MARKDOWN),
                page.sections().stream().map(Page.Section::title).toList(),
                page.sections().stream()
                        .flatMap(section -> section.blocks().stream())
                        .filter(Page.Note.class::isInstance)
                        .map(Page.Note.class::cast)
                        .map(note -> note.kind().word() + ": " + note.text())
                        .toList());
    }
}
