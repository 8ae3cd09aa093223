package org.rafclip.data.region;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.datavec.api.writable.NDArrayWritable;
import org.datavec.api.writable.Writable;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.data.region.FashionRecordReader.Column;

/**
 * Records of a {@link FashionRecordReader} as one batch.
 *
 * @param ids the items' ids
 * @param images {@code [columns * n, 3, height, width]} FLOAT, C order, channels red, green, blue: all records' images of
 *     one branch, then those of the other; of a reader that was limited, those that it made
 * @param colors words of the dominant colors
 * @param categories category words
 * @param captions one each, empty where a garment has none
 * @param attributes {@code [n][groups]} class indices, {@link org.rafclip.data.deepfashion.FashionItem#MISSING} for none
 */
public record RegionBatch(
        List<String> ids,
        INDArray images,
        List<String> colors,
        List<String> categories,
        List<String> captions,
        int[][] attributes)
        implements AutoCloseable {

    /**
     * Stacks records and closes their own images, which lie outside the Java heap.
     *
     * @param records of one reader, at least one, and with an image among them
     * @param branches {@link Column#CROP}, {@link Column#REGION} or both, in the order in which the batch is to have them
     */
    public static RegionBatch of(List<List<Writable>> records, Column... branches) {
        List<INDArray> chosen = new ArrayList<>();
        for (Column branch : branches) {
            records.stream()
                    .map(record -> image(record, branch))
                    .filter(Objects::nonNull)
                    .forEach(chosen::add);
        }
        INDArray images = Nd4j.concat(0, chosen.toArray(INDArray[]::new));
        for (List<Writable> record : records) {
            for (Column branch : List.of(Column.CROP, Column.REGION)) {
                INDArray image = image(record, branch);
                if (image != null) {
                    image.close();
                }
            }
        }
        return new RegionBatch(
                words(records, Column.ID),
                images,
                words(records, Column.COLOR),
                words(records, Column.CATEGORY),
                words(records, Column.CAPTION),
                records.stream().map(RegionBatch::attributes).toArray(int[][]::new));
    }

    private static List<String> words(List<List<Writable>> records, Column column) {
        return records.stream()
                .map(record -> record.get(column.ordinal()).toString())
                .toList();
    }

    private static int[] attributes(List<Writable> record) {
        return record.stream()
                .skip(FashionRecordReader.FIRST_ATTRIBUTE)
                .mapToInt(Writable::toInt)
                .toArray();
    }

    private static INDArray image(List<Writable> record, Column branch) {
        return ((NDArrayWritable) record.get(branch.ordinal())).get();
    }

    public int size() {
        return ids.size();
    }

    /** Frees {@link #images()}. */
    @Override
    public void close() {
        images.close();
    }
}
