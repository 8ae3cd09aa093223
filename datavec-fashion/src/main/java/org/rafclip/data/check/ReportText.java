package org.rafclip.data.check;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.rafclip.data.check.DataCheck.Duplicate;
import org.rafclip.data.check.DataCheck.GroupReport;
import org.rafclip.data.check.DataCheck.Kind;
import org.rafclip.data.check.DataCheck.Report;
import org.rafclip.data.check.DataCheck.SplitReport;
import org.rafclip.data.table.ColumnUse;

/** A {@link Report} in words. */
final class ReportText {

    private final StringBuilder text = new StringBuilder();
    private final int shown;

    ReportText(Report report, int shown) {
        this.shown = shown;
        line("%s", report.dir());
        columns(report.columns());
        list(
                "bad rows, left out below",
                report.problems().stream().map(DataCheck.Problem::message).toList());
        report.splits().forEach(this::split);
        list(
                "photos in more than one split",
                report.duplicates().stream()
                        .filter(Duplicate::betweenSplits)
                        .map(duplicate -> String.join(" = ", duplicate.places()))
                        .toList());
        list("photos in different splits that look alike", report.lookAlikes());
        list(
                "equal photos within a split",
                report.duplicates().stream()
                        .filter(duplicate -> !duplicate.betweenSplits())
                        .map(duplicate -> String.join(" = ", duplicate.places()))
                        .toList());
        line("");
        long problems = report.problems().size()
                + report.splits().stream()
                        .mapToLong(split -> split.problems().size())
                        .sum();
        line("%s", report.usable() ? "No problems." : "Problems: " + problems + "; mend them before training.");
    }

    private void columns(List<ColumnUse> columns) {
        if (!columns.isEmpty()) {
            line("");
            line("columns");
        }
        for (ColumnUse column : columns) {
            line(
                    "  %-30s %7d filled %9s  %s%s",
                    column.name(),
                    column.filled(),
                    column.different() < 0 ? "" : column.different() + " diff.",
                    column.role().word(),
                    column.note().isEmpty() ? "" : ": " + column.note());
        }
        boolean category = columns.stream()
                .anyMatch(column -> column.role() == ColumnUse.Role.CATEGORY
                        || column.name().equalsIgnoreCase("category"));
        if (!columns.isEmpty() && !category) {
            line("  No column is the category, so texts say \"clothing\"; if one holds it, name it:"
                    + " --column category=COLUMN, and for training data.columns={category: COLUMN}.");
        }
    }

    private void split(SplitReport split) {
        line("");
        line("%s: %d garments in %d photos", split.name(), split.items(), split.photos());
        for (GroupReport group : split.groups()) {
            int labeled = split.items() - group.unlabeled() - group.ambiguous();
            int most = group.counts().stream().mapToInt(Integer::intValue).max().orElse(0);
            line(
                    "  %-30s %7d labeled, most frequent %5.1f %%",
                    group.name(), labeled, labeled == 0 ? 0 : 100.0 * most / labeled);
            for (int i = 0; i < group.classes().size(); i++) {
                share(group.classes().get(i), group.counts().get(i), labeled);
            }
            if (group.unlabeled() > 0) {
                line("    %-28s %7d", "(no label)", group.unlabeled());
            }
            if (group.ambiguous() > 0) {
                line("    %-28s %7d", "(several labels)", group.ambiguous());
            }
        }
        if (!split.categories().isEmpty()) {
            line("  category");
            for (Map.Entry<String, Integer> category : split.categories().entrySet()) {
                share(category.getKey(), category.getValue(), split.items());
            }
        }
        for (Kind kind : Kind.values()) {
            list(
                    "  " + kind.words(),
                    split.problems().stream()
                            .filter(problem -> problem.kind() == kind)
                            .map(DataCheck.Problem::message)
                            .toList());
        }
        list("  boxes cut off at the edge", split.edgeBoxes());
    }

    private void share(String name, int count, int of) {
        line("    %-28s %7d %5.1f %%", name, count, of == 0 ? 0 : 100.0 * count / of);
    }

    private void list(String heading, List<String> entries) {
        if (entries.isEmpty()) {
            return;
        }
        line("%s: %d", heading, entries.size());
        entries.stream().limit(shown).forEach(entry -> line("    %s", entry));
        if (entries.size() > shown) {
            line("    … and %d more", entries.size() - shown);
        }
    }

    private void line(String format, Object... values) {
        text.append(String.format(Locale.ROOT, format, values)).append(System.lineSeparator());
    }

    @Override
    public String toString() {
        return text.toString();
    }
}
