package org.rafclip.ops;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class ServiceFileTest {

    @Test
    void namesEveryOperationOfTheModule() throws Exception {
        Path classes = Path.of(
                JavaOp.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        assertThat(Files.readAllLines(classes.resolve("META-INF/services").resolve(JavaOp.class.getName())))
                .containsExactlyInAnyOrderElementsOf(operations(classes));
    }

    /** The concrete operations among the classes of a folder. */
    private static List<String> operations(Path classes) throws IOException {
        try (Stream<Path> files = Files.walk(classes)) {
            return files.map(file -> classes.relativize(file).toString())
                    .filter(name -> name.endsWith(".class"))
                    .map(name ->
                            name.substring(0, name.length() - ".class".length()).replace(File.separatorChar, '.'))
                    .filter(ServiceFileTest::isOperation)
                    .toList();
        }
    }

    private static boolean isOperation(String name) {
        try {
            Class<?> type = Class.forName(name, false, ServiceFileTest.class.getClassLoader());
            return JavaOp.class.isAssignableFrom(type) && !Modifier.isAbstract(type.getModifiers());
        } catch (ClassNotFoundException e) {
            throw new IllegalStateException(e);
        }
    }
}
