import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.parquet.column.page.PageReadStore;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.convert.GroupRecordConverter;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.io.ColumnIOFactory;
import org.apache.parquet.io.LocalInputFile;
import org.apache.parquet.io.RecordReader;
import org.apache.parquet.schema.MessageType;

/** What cluster/prove compares; exit code 1 where it is not as it should be. Run as a source file. */
public class Compare {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final double MOST = 1e-6;

    public static void main(String[] args) throws IOException {
        Path one = Path.of(args[1]);
        Path other = Path.of(args[2]);
        boolean good = switch (args[0]) {
            case "rows" -> rows(one, other);
            case "results" -> results(one, other);
            case "weights" -> weights(one, other);
            default -> throw new IllegalArgumentException(args[0]);
        };
        System.exit(good ? 0 : 1);
    }

    /** A folder of Parquet files beside the lines of a local embed. */
    private static boolean rows(Path folder, Path lines) throws IOException {
        Map<String, float[]> rows = new HashMap<>();
        int count = 0;
        int errors = 0;
        for (Path file : files(folder, ".parquet")) {
            try (ParquetFileReader parquet = ParquetFileReader.open(new LocalInputFile(file))) {
                MessageType schema = parquet.getFooter().getFileMetaData().getSchema();
                for (PageReadStore pages = parquet.readNextRowGroup(); pages != null; pages = parquet.readNextRowGroup()) {
                    RecordReader<Group> records = new ColumnIOFactory()
                            .getColumnIO(schema)
                            .getRecordReader(pages, new GroupRecordConverter(schema));
                    for (long i = 0; i < pages.getRowCount(); i++) {
                        Group row = records.read();
                        count++;
                        errors += row.getFieldRepetitionCount("error");
                        rows.put(row.getString("id", 0), vector(row));
                    }
                }
            }
        }
        int equal = 0;
        int different = 0;
        int missing = 0;
        for (String line : Files.readAllLines(lines)) {
            JsonNode expected = JSON.readTree(line);
            float[] vector = rows.get(expected.get("id").asText());
            if (vector == null) {
                missing++;
            } else if (same(vector, expected.get("embedding"))) {
                equal++;
            } else {
                different++;
            }
        }
        System.out.printf(
                "%,d rows: %,d duplicates, %,d missing, %,d errors; of the vectors %,d have the bits of those made here, %,d have"
                        + " others%n",
                count, count - rows.size(), missing, errors, equal, different);
        return count == rows.size() && missing == 0 && different == 0;
    }

    private static float[] vector(Group row) {
        if (row.getFieldRepetitionCount("embedding") == 0) {
            return null;
        }
        Group list = row.getGroup("embedding", 0);
        float[] vector = new float[list.getFieldRepetitionCount(0)];
        for (int i = 0; i < vector.length; i++) {
            vector[i] = list.getGroup(0, i).getFloat(0, 0);
        }
        return vector;
    }

    private static boolean same(float[] vector, JsonNode expected) {
        boolean same = vector.length == expected.size();
        for (int i = 0; same && i < vector.length; i++) {
            same = Float.floatToIntBits(vector[i]) == Float.floatToIntBits((float) expected.get(i).asDouble());
        }
        return same;
    }

    /** Two suites' results, without what says when and how long. */
    private static boolean results(Path one, Path other) throws IOException {
        List<Path> files = files(one, ".json");
        int equal = 0;
        for (Path file : files) {
            Path twin = other.resolve(file.getFileName());
            boolean same = Files.exists(twin) && body(file).equals(body(twin));
            equal += same ? 1 : 0;
            if (!same) {
                System.out.println(file.getFileName() + " differs");
            }
        }
        System.out.printf("%d results, %d the same to the last digit%n", files.size(), equal);
        return !files.isEmpty() && equal == files.size();
    }

    private static JsonNode body(Path file) throws IOException {
        JsonNode tree = JSON.readTree(file.toFile());
        strip(tree);
        return tree;
    }

    private static void strip(JsonNode node) {
        if (node instanceof ObjectNode object) {
            object.remove(Set.of("provenance", "stages", "seconds"));
        }
        node.forEach(Compare::strip);
    }

    /** The last weights of two runs. */
    private static boolean weights(Path one, Path other) throws IOException {
        Map<String, float[]> first = weights(one);
        Map<String, float[]> second = weights(other);
        double worst = 0;
        String where = "";
        long count = 0;
        long same = 0;
        for (Map.Entry<String, float[]> tensor : first.entrySet()) {
            float[] twin = second.get(tensor.getKey());
            for (int i = 0; i < twin.length; i++) {
                double apart = Math.abs(tensor.getValue()[i] - twin[i]);
                count++;
                same += apart == 0 ? 1 : 0;
                if (apart > worst) {
                    worst = apart;
                    where = tensor.getKey();
                }
            }
        }
        System.out.printf(
                "%,d weights, %,d with the same bits, the largest difference %.1e %s%n", count, same, worst, where);
        return first.keySet().equals(second.keySet()) && worst <= MOST;
    }

    private static Map<String, float[]> weights(Path run) throws IOException {
        Path file;
        try (Stream<Path> files = Files.walk(run.resolve("checkpoints"))) {
            file = files.filter(path -> path.getFileName().toString().equals("model.safetensors"))
                    .max((a, b) -> a.toString().compareTo(b.toString()))
                    .orElseThrow();
        }
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        int header = (int) bytes.getLong();
        JsonNode tensors = JSON.readTree(new String(bytes.array(), Long.BYTES, header, StandardCharsets.UTF_8));
        Map<String, float[]> weights = new TreeMap<>();
        for (Iterator<String> names = tensors.fieldNames(); names.hasNext(); ) {
            String name = names.next();
            if (!name.startsWith("__")) {
                JsonNode offsets = tensors.get(name).get("data_offsets");
                int from = Long.BYTES + header + offsets.get(0).asInt();
                int to = Long.BYTES + header + offsets.get(1).asInt();
                FloatBuffer floats =
                        bytes.slice(from, to - from).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
                float[] values = new float[floats.remaining()];
                floats.get(values);
                weights.put(name, values);
            }
        }
        return weights;
    }

    private static List<Path> files(Path folder, String ending) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return new ArrayList<>(
                    files.filter(file -> file.toString().endsWith(ending)).sorted().toList());
        }
    }
}
