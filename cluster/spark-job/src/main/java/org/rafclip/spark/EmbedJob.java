package org.rafclip.spark;

import static org.apache.spark.sql.functions.broadcast;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.regex.Pattern;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.LongAccumulator;
import org.apache.spark.util.SerializableConfiguration;
import scala.jdk.javaapi.CollectionConverters;

/**
 * Embeds a list of garments into a folder of Parquet files: what the folder has is left as it is, what it does not have, or has
 * with an error, is added, each task's rows when the task is done. Whatever is killed, what was added stays.
 *
 * <p>Says {@code todo N}, {@code done N}, {@code bad WORDS} of the first photos that have an error, {@code end ROWS ADDED BAD}.
 */
final class EmbedJob {

    /** Photos of a task: a killed executor costs no more. */
    private static final int LEAST = 16;

    private static final int MOST = 2048;
    private static final int TASKS_A_CORE = 16;

    /** Photos that are decoded before the model is asked. */
    private static final int PORTION = 32;

    /** Photos with an error that are told; more would be a table. */
    private static final int NAMED = 20;

    private static final String SHARED = "put --out into a folder that all machines share";

    /** What a garment's row said that has no embedding yet. */
    private static final String BEFORE = "before";

    private static final String EMBEDDER = "org.rafclip.cluster.embed.PhotoEmbedder";

    /** Two letters at least, so that a Windows drive is none. */
    private static final Pattern ADDRESS = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]+:/");

    static final StructType EMBEDDED = new StructType()
            .add("id", DataTypes.StringType)
            .add("file", DataTypes.StringType)
            .add("x1", DataTypes.IntegerType)
            .add("y1", DataTypes.IntegerType)
            .add("x2", DataTypes.IntegerType)
            .add("y2", DataTypes.IntegerType)
            .add("sha256", DataTypes.StringType)
            .add("width", DataTypes.IntegerType)
            .add("height", DataTypes.IntegerType)
            .add("embedding", DataTypes.createArrayType(DataTypes.FloatType, false))
            .add(
                    "labels",
                    DataTypes.createMapType(
                            DataTypes.StringType, DataTypes.createArrayType(DataTypes.StringType, false), false))
            .add("thumbnail", DataTypes.BinaryType)
            .add("error", DataTypes.StringType);

    private EmbedJob() {}

    static void run(SparkSession spark, Map<String, String> settings) throws Exception {
        try {
            embed(spark, settings);
        } catch (Exception e) {
            // Spark throws checked exceptions that it does not declare.
            Path file = Words.complains(e) ? null : Words.unread(e);
            if (file == null) {
                throw e;
            }
            boolean ours = new Path(settings.get("out")).toUri().getPath().equals(file.getParent().toUri().getPath());
            throw new IllegalStateException(
                    Program.COMPLAINT + file + ": is damaged; "
                            + (ours ? "delete it, the same command embeds again what it held" : "write it again"),
                    e);
        }
    }

    private static void embed(SparkSession spark, Map<String, String> settings) {
        String out = settings.get("out");
        Wanted wanted = Wanted.read(spark, settings);
        long all = count(wanted, settings);
        if (all == 0) {
            throw new IllegalArgumentException(
                    Program.COMPLAINT + settings.getOrDefault("table", "") + ": lists no photo");
        }
        Dataset<Row> missing = wanted.rows().withColumn(BEFORE, lit(null).cast(DataTypes.StringType));
        long before = 0;
        if (Boolean.parseBoolean(settings.get("begun"))) {
            Dataset<Row> had = rows(spark, wanted, out).select(col("id").as("had"), col("error").as(BEFORE));
            before = had.filter(col(BEFORE).isNull()).count();
            // A table of photos is not to be moved about because of its ids.
            missing = wanted.rows()
                    .join(wanted.withBytes() ? broadcast(had) : had, col("id").equalTo(col("had")), "left_outer")
                    .filter(col("had").isNull().or(col(BEFORE).isNotNull()))
                    .drop("had");
        }
        long count = missing.count();
        Driver.say("todo " + count);
        SparkContext context = spark.sparkContext();
        if (count > 0) {
            int cores = Math.max(1, context.defaultParallelism());
            long task = Math.max(LEAST, Math.min(MOST, count / ((long) cores * TASKS_A_CORE) + 1));
            int tasks = (int) Math.max(1, (count + task - 1) / task);
            LongAccumulator done = context.longAccumulator("photos");
            context.addSparkListener(new SparkListener() {
                @Override
                public void onTaskEnd(SparkListenerTaskEnd end) {
                    Driver.say("done " + Math.min(count, done.value()));
                }
            });
            int threads = context.isLocal()
                    ? cores
                    : Integer.parseInt(settings.getOrDefault("spark.executor.cores", "1"));
            // A garment's id says which task it is: dealt out in turn, it could be another's after an executor was lost.
            Dataset<Row> dealt = wanted.withBytes() ? missing : missing.repartition(tasks, missing.col("id"));
            JavaRDD<Row> rows = dealt.toJavaRDD()
                    .mapPartitions(new Embedding(
                            new HashMap<>(settings),
                            wanted,
                            threads,
                            done,
                            new SerializableConfiguration(context.hadoopConfiguration())));
            spark.createDataFrame(rows, EMBEDDED).write().mode(SaveMode.Append).parquet(out);
        }
        Dataset<Row> result = rows(spark, wanted, out);
        long there = result.count();
        if (there < all) {
            throw new IllegalStateException(Program.COMPLAINT + there + " of " + all + " rows are there; " + SHARED);
        }
        Dataset<Row> bad = result.filter(col("error").isNotNull());
        bad.select("error").orderBy("id").limit(NAMED).collectAsList().forEach(row -> Driver.say("bad "
                + row.getString(0).replaceAll("\\s*\\R\\s*", " ")));
        long faults = bad.count();
        Driver.say("end " + there + " " + (there - faults - before) + " " + faults);
    }

    /** What a folder has of the photos that are wanted; of others that it had to do earlier nothing is said. */
    private static Dataset<Row> rows(SparkSession spark, Wanted wanted, String out) {
        Dataset<Row> written = Wanted.reader(spark)
                .option("pathGlobFilter", "*.parquet")
                .schema(EMBEDDED)
                .parquet(out);
        Dataset<Row> ids = wanted.rows().select(col("id").as("wanted"));
        return standing(written).join(ids, col("id").equalTo(col("wanted")), "left_semi");
    }

    /** Rows of {@link #EMBEDDED}, one a garment: an error counts where no later row has the embedding. */
    static Dataset<Row> standing(Dataset<Row> rows) {
        Dataset<Row> good = rows.filter(col("error").isNull());
        Dataset<Row> embedded = good.select(col("id").as("embedded"));
        return good.unionByName(rows.filter(col("error").isNotNull())
                .dropDuplicates("id")
                .join(embedded, col("id").equalTo(col("embedded")), "left_anti"));
    }

    private static long count(Wanted wanted, Map<String, String> settings) {
        try {
            return wanted.rows().count();
        } catch (Exception e) {
            String list = settings.get("list");
            if (list != null && Words.of(e).contains("does not exist")) {
                throw new IllegalStateException(Program.COMPLAINT + list + ": is not on an executor's machine; " + SHARED, e);
            }
            String table = settings.get("table");
            if (table != null && !Words.complains(e)) {
                throw new IllegalStateException(Program.COMPLAINT + table + ": " + Storage.fault(e), e);
            }
            throw e;
        }
    }

    /** A partition's garments, portion by portion. */
    private static final class Embedding implements FlatMapFunction<Iterator<Row>, Row> {

        private static final long serialVersionUID = 1;

        private final HashMap<String, String> settings;
        private final boolean withBytes;
        private final String base;
        private final int threads;
        private final LongAccumulator done;
        private final SerializableConfiguration hadoop;

        Embedding(
                HashMap<String, String> settings,
                Wanted wanted,
                int threads,
                LongAccumulator done,
                SerializableConfiguration hadoop) {
            this.hadoop = hadoop;
            this.withBytes = wanted.withBytes();
            this.base = wanted.base();
            this.settings = settings;
            this.threads = threads;
            this.done = done;
        }

        @Override
        public Iterator<Row> call(Iterator<Row> garments) {
            return new Iterator<>() {

                private Iterator<Object[]> ready = List.<Object[]>of().iterator();

                @Override
                public boolean hasNext() {
                    while (!ready.hasNext() && garments.hasNext()) {
                        ready = portion(garments).iterator();
                    }
                    return ready.hasNext();
                }

                @Override
                public Row next() {
                    if (!hasNext()) {
                        throw new NoSuchElementException();
                    }
                    return row(ready.next());
                }
            };
        }

        /** The next garments' rows, without those that would say once more what is there. */
        private List<Object[]> portion(Iterator<Row> garments) {
            List<Object[]> portion = new ArrayList<>();
            List<String> before = new ArrayList<>();
            while (portion.size() < PORTION && garments.hasNext()) {
                Row row = garments.next();
                portion.add(garment(row));
                before.add(row.getString(7));
            }
            List<Object[]> embedded = embed(portion);
            done.add(embedded.size());
            List<Object[]> added = new ArrayList<>();
            for (int i = 0; i < embedded.size(); i++) {
                Object[] row = embedded.get(i);
                if (before.get(i) == null || !before.get(i).equals(row[row.length - 1])) {
                    added.add(row);
                }
            }
            return added;
        }

        @SuppressWarnings("unchecked")
        private List<Object[]> embed(List<Object[]> portion) {
            return (List<Object[]>) Program.call(EMBEDDER, settings, threads, portion);
        }

        /** With the photo's bytes where only Spark can reach them, or why they cannot be had. */
        private Object[] garment(Row row) {
            Object[] garment = new Object[8];
            for (int i = 0; i < 7; i++) {
                garment[i] = row.get(i);
            }
            String file = (String) garment[1];
            if (garment[6] != null) {
                return garment;
            } else if (withBytes) {
                garment[7] = garment[0] + ": the row holds no photo";
            } else if (file == null || file.isBlank()) {
                garment[7] = garment[0] + ": the row names no photo";
            } else if (base != null || ADDRESS.matcher(file).lookingAt()) {
                read(garment, file);
            }
            return garment;
        }

        private void read(Object[] garment, String file) {
            String address = file;
            try {
                // What has a colon would be taken for an address.
                boolean relative = !file.startsWith("/") && !ADDRESS.matcher(file).lookingAt();
                Path path = base == null ? new Path(file) : new Path(new Path(base), relative ? "./" + file : file);
                address = path.toString();
                FileSystem files = path.getFileSystem(hadoop.value());
                // Of a local file with a colon in its name there can be no checksum.
                try (FSDataInputStream stream =
                        (files instanceof LocalFileSystem local ? local.getRaw() : files).open(path)) {
                    garment[6] = stream.readAllBytes();
                }
            } catch (IOException | RuntimeException e) {
                garment[7] = address + ": cannot be read (" + Storage.fault(e) + ")";
            }
        }

        /** Java's types as Spark's. */
        private static Row row(Object[] fields) {
            Object[] values = new Object[fields.length];
            for (int i = 0; i < fields.length; i++) {
                values[i] = value(fields[i]);
            }
            return RowFactory.create(values);
        }

        private static Object value(Object field) {
            if (field instanceof float[] vector) {
                List<Float> list = new ArrayList<>(vector.length);
                for (float v : vector) {
                    list.add(v);
                }
                return CollectionConverters.asScala(list).toSeq();
            } else if (field instanceof Map<?, ?> map) {
                Map<Object, Object> converted = new HashMap<>();
                map.forEach((name, words) ->
                        converted.put(name, CollectionConverters.asScala((List<?>) words).toSeq()));
                return CollectionConverters.asScala(converted);
            }
            return field;
        }
    }
}
