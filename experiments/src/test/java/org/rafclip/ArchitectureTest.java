package org.rafclip;

import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The order of modules and packages that docs/architecture.md tells. */
class ArchitectureTest {

    /** The packages of each module, and the modules that it may use. */
    private record Module(String name, String packages, Set<String> uses) {}

    /** Built with the profile of its name only. */
    private static final String BEYOND = "cluster";

    private static final List<Module> MODULES = List.of(
            new Module("samediff-ops", "org.rafclip.(ops|nn)(\\..*)?", Set.of()),
            new Module("datavec-fashion", "org.rafclip.data(\\..*)?", Set.of()),
            new Module(
                    "rafclip-model",
                    "org.rafclip.(clip|loss|text|weights|photos|train|open|eval|run|io)",
                    Set.of("samediff-ops", "datavec-fashion")),
            new Module(
                    "agcn-model",
                    "org.rafclip.agcn(\\..*)?",
                    Set.of("samediff-ops", "datavec-fashion", "rafclip-model")),
            new Module(
                    "measure",
                    "org.rafclip.measure",
                    Set.of("samediff-ops", "datavec-fashion", "rafclip-model", "agcn-model")),
            new Module(
                    "search",
                    "org.rafclip.search(\\..*)?",
                    Set.of("samediff-ops", "datavec-fashion", "rafclip-model", "agcn-model")),
            new Module("onnx", "org.rafclip.onnx(\\..*)?", Set.of("samediff-ops", "datavec-fashion", "rafclip-model")),
            new Module(
                    "experiments",
                    "org.rafclip.(launch|sweep|experiment|report|export|bench|cli)(\\..*)?",
                    Set.of(
                            "samediff-ops",
                            "datavec-fashion",
                            "rafclip-model",
                            "agcn-model",
                            "measure",
                            "search",
                            "onnx")),
            new Module(
                    BEYOND,
                    "org.rafclip.cluster(\\..*)?",
                    Set.of("samediff-ops", "datavec-fashion", "rafclip-model", "agcn-model", "search")));

    private static final Set<String> ALWAYS_THERE = MODULES.stream()
            .map(Module::name)
            .filter(name -> !name.equals(BEYOND))
            .collect(Collectors.toSet());

    /** What stands side by side or above in the module of experiments, which no Maven module parts. */
    private static final Map<String, Set<String>> FORBIDDEN = Map.of(
            "launch", Set.of("sweep", "experiment", "report", "export", "bench", "cli"),
            "sweep", Set.of("experiment", "report", "export", "bench", "cli"),
            "experiment", Set.of("sweep", "report", "export", "bench", "cli"),
            "report", Set.of("launch", "sweep", "export", "bench", "cli"),
            "export", Set.of("launch", "sweep", "experiment", "report", "bench", "cli"),
            "bench", Set.of("launch", "sweep", "experiment", "report", "export", "cli"));

    private static JavaClasses classes;

    @BeforeAll
    static void readClasses() {
        classes = new ClassFileImporter()
                .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                .importPackages("org.rafclip");
    }

    private static Module moduleOf(JavaClass type) {
        return MODULES.stream()
                .filter(module -> type.getPackageName().matches(module.packages()))
                .findFirst()
                .orElseThrow(() -> new AssertionError(type.getPackageName() + " is of no module that this test knows"));
    }

    @Test
    void aModuleKnowsOnlyThoseToItsLeft() {
        Set<String> wrong = new TreeSet<>();
        dependencies((from, to) -> {
            Module user = moduleOf(from);
            String used = moduleOf(to).name();
            if (!used.equals(user.name()) && !user.uses().contains(used)) {
                wrong.add(from.getName() + " of " + user.name() + " uses " + to.getName() + " of " + used);
            }
        });
        assertThat(wrong).isEmpty();
        assertThat(classes.stream().map(type -> moduleOf(type).name()).collect(Collectors.toSet()))
                .containsAll(ALWAYS_THERE);
    }

    @Test
    void packagesOfExperimentsUseOnlyThoseBelow() {
        Set<String> wrong = new TreeSet<>();
        dependencies((from, to) -> {
            String user = from.getPackageName().replace("org.rafclip.", "");
            String used = to.getPackageName().replace("org.rafclip.", "");
            if (FORBIDDEN.getOrDefault(user, Set.of()).contains(used)) {
                wrong.add(from.getName() + " uses " + to.getName());
            }
        });
        assertThat(wrong).isEmpty();
    }

    @Test
    void noPackageUsesOneThatUsesIt() {
        slices().assignedFrom(new SliceAssignment() {
                    @Override
                    public SliceIdentifier getIdentifierOf(JavaClass type) {
                        return SliceIdentifier.of(type.getPackageName());
                    }

                    @Override
                    public String getDescription() {
                        return "packages";
                    }
                })
                .should()
                .beFreeOfCycles()
                .check(classes);
    }

    @Test
    void reportsOpenNoModel() {
        Set<String> wrong = new TreeSet<>();
        dependencies((from, to) -> {
            boolean opens = to.getPackageName().matches("org.rafclip.(open|clip|agcn.open|agcn.features|ops)(\\..*)?");
            if (from.getPackageName().equals("org.rafclip.report") && opens) {
                wrong.add(from.getName() + " uses " + to.getName());
            }
        });
        assertThat(wrong).isEmpty();
    }

    private interface Uses {
        void take(JavaClass from, JavaClass to);
    }

    private static void dependencies(Uses uses) {
        for (JavaClass from : classes) {
            from.getDirectDependenciesFromSelf().stream()
                    .map(dependency -> dependency.getTargetClass().getBaseComponentType())
                    .filter(to -> to.getPackageName().startsWith("org.rafclip"))
                    .forEach(to -> uses.take(from, to));
        }
    }
}
