package org.rafclip.spark;

import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * What is to be embedded: {@code [id, file, x1, y1, x2, y2, bytes]}, without a box the corners are null, and without a column of
 * photos the bytes.
 *
 * @param rows those of all photos
 * @param withBytes whether the table holds the photos themselves, which are then not moved between machines
 */
record Wanted(Dataset<Row> rows, boolean withBytes) {

    private static final StructType LISTED = new StructType()
            .add("id", DataTypes.StringType)
            .add("file", DataTypes.StringType)
            .add("x1", DataTypes.IntegerType)
            .add("y1", DataTypes.IntegerType)
            .add("x2", DataTypes.IntegerType)
            .add("y2", DataTypes.IntegerType);

    private static final Column NO_BYTES =
            lit(null).cast(DataTypes.BinaryType).as("bytes");

    /** A list of the program's, or a table that Spark reads where it lies. */
    static Wanted read(SparkSession spark, Map<String, String> settings) {
        String table = settings.get("table");
        if (table == null) {
            Dataset<Row> listed = spark.read().schema(LISTED).json(settings.get("list"));
            return new Wanted(listed.withColumn("bytes", NO_BYTES), false);
        }
        return of(table, open(spark, table), settings);
    }

    private static Dataset<Row> open(SparkSession spark, String table) {
        String name = table.toLowerCase(Locale.ROOT);
        if (name.endsWith(".csv") || name.endsWith(".tsv")) {
            return spark.read()
                    .option("header", true)
                    .option("sep", name.endsWith(".tsv") ? "\t" : ",")
                    .option("multiLine", true)
                    .option("escape", "\"")
                    .csv(table);
        }
        return name.endsWith(".jsonl") || name.endsWith(".json")
                ? spark.read().json(table)
                : spark.read().parquet(table);
    }

    private static Wanted of(String table, Dataset<Row> read, Map<String, String> settings) {
        String image = column(read, settings, "image");
        String id = column(read, settings, "id");
        if (image == null) {
            throw new IllegalArgumentException(Program.COMPLAINT + table + ": has no column '"
                    + settings.getOrDefault("column.image", "image") + "', but " + String.join(", ", read.columns())
                    + "; name the one with addresses or photos: --column image=COLUMN");
        }
        boolean bytes = read.schema().apply(image).dataType().equals(DataTypes.BinaryType);
        if (bytes && id == null) {
            throw new IllegalArgumentException(Program.COMPLAINT + table
                    + ": has no column 'id', by which photos in a column are known; name it: --column id=COLUMN");
        }
        List<Column> columns = new ArrayList<>();
        Column file = bytes ? col(id) : col(image);
        columns.add((id == null ? file : coalesce(col(id).cast("string"), file.cast("string"))).as("id"));
        columns.add(file.cast("string").as("file"));
        String[] box = {
            column(read, settings, "x"),
            column(read, settings, "y"),
            column(read, settings, "width"),
            column(read, settings, "height")
        };
        boolean boxed = Arrays.stream(box).allMatch(name -> name != null);
        for (int corner = 0; corner < 4; corner++) {
            Column value = !boxed
                    ? lit(null)
                    : corner < 2 ? col(box[corner]) : col(box[corner - 2]).cast("int").plus(col(box[corner]).cast("int"));
            columns.add(value.cast("int").as((corner % 2 == 0 ? "x" : "y") + (corner / 2 + 1)));
        }
        columns.add(bytes ? col(image).as("bytes") : NO_BYTES);
        Dataset<Row> rows = read.select(columns.toArray(Column[]::new));
        long nameless = rows.filter(col("id").isNull()).count();
        if (nameless > 0) {
            throw new IllegalArgumentException(
                    Program.COMPLAINT + table + ": has " + nameless + " rows without an id or image; leave them out");
        }
        List<Row> twice = rows.groupBy("id").count().filter(col("count").gt(1)).limit(1).collectAsList();
        if (!twice.isEmpty()) {
            throw new IllegalArgumentException(Program.COMPLAINT + table + ": has the id '"
                    + twice.get(0).getString(0) + "' more than once; give each row its own, in a column 'id'");
        }
        return new Wanted(rows, bytes);
    }

    private static String column(Dataset<Row> read, Map<String, String> settings, String meaning) {
        String wanted = settings.getOrDefault("column." + meaning, meaning);
        return Arrays.stream(read.columns())
                .filter(name -> name.equalsIgnoreCase(wanted))
                .findFirst()
                .orElse(null);
    }
}
