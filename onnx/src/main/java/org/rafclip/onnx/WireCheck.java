package org.rafclip.onnx;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import org.rafclip.data.DataException;

/**
 * Walks over a file's protobuf messages before they are parsed: every length lies within its message, nothing is nested
 * deeper than models are, and the parsed form fits into memory. Takes no memory itself.
 */
final class WireCheck {

    private static final int MAX_DEPTH = 48;
    private static final int MAX_VARINT_BYTES = 10;

    /** Rough sizes of parsed things in the Java heap, in bytes. */
    private static final long MESSAGE_COST = 256;

    private static final long FIELD_COST = 48;
    private static final long VARINT_COST = 8;

    /** ONNX's messages and which of their fields hold further messages. */
    enum Message {
        MODEL,
        GRAPH,
        NODE,
        ATTRIBUTE,
        TENSOR,
        SPARSE_TENSOR,
        VALUE_INFO,
        TYPE,
        TENSOR_TYPE,
        SEQUENCE_TYPE,
        MAP_TYPE,
        OPTIONAL_TYPE,
        SHAPE,
        ANNOTATION,
        TRAINING,
        FUNCTION,
        LEAF;

        private static final Map<Message, Map<Integer, Message>> FIELDS = Map.ofEntries(
                Map.entry(MODEL, Map.of(7, GRAPH, 8, LEAF, 14, LEAF, 20, TRAINING, 25, FUNCTION)),
                Map.entry(
                        GRAPH,
                        Map.of(
                                1,
                                NODE,
                                5,
                                TENSOR,
                                11,
                                VALUE_INFO,
                                12,
                                VALUE_INFO,
                                13,
                                VALUE_INFO,
                                14,
                                ANNOTATION,
                                15,
                                SPARSE_TENSOR)),
                Map.entry(NODE, Map.of(5, ATTRIBUTE)),
                Map.entry(
                        ATTRIBUTE,
                        Map.of(
                                5,
                                TENSOR,
                                6,
                                GRAPH,
                                10,
                                TENSOR,
                                11,
                                GRAPH,
                                14,
                                TYPE,
                                15,
                                TYPE,
                                22,
                                SPARSE_TENSOR,
                                23,
                                SPARSE_TENSOR)),
                Map.entry(TENSOR, Map.of(3, LEAF, 13, LEAF)),
                Map.entry(SPARSE_TENSOR, Map.of(1, TENSOR, 2, TENSOR)),
                Map.entry(VALUE_INFO, Map.of(2, TYPE)),
                Map.entry(
                        TYPE, Map.of(1, TENSOR_TYPE, 4, SEQUENCE_TYPE, 5, MAP_TYPE, 8, TENSOR_TYPE, 9, OPTIONAL_TYPE)),
                Map.entry(TENSOR_TYPE, Map.of(2, SHAPE)),
                Map.entry(SEQUENCE_TYPE, Map.of(1, TYPE)),
                Map.entry(MAP_TYPE, Map.of(2, TYPE)),
                Map.entry(OPTIONAL_TYPE, Map.of(1, TYPE)),
                Map.entry(SHAPE, Map.of(1, LEAF)),
                Map.entry(ANNOTATION, Map.of(2, LEAF)),
                Map.entry(TRAINING, Map.of(1, GRAPH, 2, GRAPH, 3, LEAF, 4, LEAF)),
                Map.entry(FUNCTION, Map.of(7, NODE, 9, LEAF, 11, ATTRIBUTE)),
                Map.entry(LEAF, Map.of()));

        Message child(int field) {
            return FIELDS.get(this).get(field);
        }
    }

    private static final int RAW_DATA = 9;
    /** Fields of TENSOR that hold packed variable-length integers: int32, int64, uint64 data and dimensions. */
    private static final int TENSOR_VARINTS = 1 << 1 | 1 << 5 | 1 << 7 | 1 << 11;

    private final ByteBuffer file;
    private final long heap;
    private long cost;

    private WireCheck(ByteBuffer file, long heap) {
        this.file = file.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        this.heap = heap;
    }

    /**
     * Checks a whole file.
     *
     * @param root what the file holds
     * @param heap bytes that the parsed form may take
     * @throws DataException for what is no protobuf message, or too large or too deep a one; the message does not name
     *     the file
     */
    static void check(ByteBuffer file, Message root, long heap) {
        WireCheck check = new WireCheck(file, heap);
        check.message(root, 0, file.limit(), 0);
    }

    private void message(Message type, int from, int to, int depth) {
        if (depth > MAX_DEPTH) {
            throw new DataException("its messages are nested deeper than " + MAX_DEPTH + " levels");
        }
        pay(MESSAGE_COST);
        int at = from;
        while (at < to) {
            file.position(at);
            long tag = varint(to);
            int field = (int) (tag >>> 3);
            if (tag >>> 3 == 0 || tag >>> 3 > 1 << 29) {
                throw broken(at, "the field number " + (tag >>> 3));
            }
            pay(FIELD_COST);
            switch ((int) tag & 7) {
                case 0 -> varint(to);
                case 1 -> skip(8, to);
                case 5 -> skip(4, to);
                case 2 -> {
                    int length = length(to);
                    int start = file.position();
                    Message child = type.child(field);
                    if (child != null) {
                        message(child, start, start + length, depth + 1);
                    } else {
                        pay(cost(type, field, length));
                    }
                    file.position(start + length);
                }
                default -> throw broken(at, "the wire type " + (tag & 7));
            }
            at = file.position();
        }
    }

    /** Raw data stays in the file; packed integers may be a byte each; an unknown field may be anything. */
    private static long cost(Message type, int field, int length) {
        if (type == Message.TENSOR && field == RAW_DATA) {
            return 0;
        }
        boolean varints = type == Message.TENSOR && field < 32 && (TENSOR_VARINTS >> field & 1) == 1
                || type == Message.ATTRIBUTE && field == 8;
        return varints ? VARINT_COST * length : 3L * length;
    }

    private void pay(long bytes) {
        cost += bytes;
        if (cost > heap) {
            throw new DataException("what it describes takes more than " + (heap >> 20)
                    + " MiB of Java heap: store large tensors as raw or external data, or raise the heap"
                    + " (RAFCLIP_JAVA_OPTS=-Xmx8g)");
        }
    }

    private int length(int to) {
        int at = file.position();
        long length = varint(to);
        if (length < 0 || length > to - file.position()) {
            throw broken(
                    at,
                    "a part of " + Long.toUnsignedString(length) + " bytes where " + (to - file.position())
                            + " are left");
        }
        return (int) length;
    }

    private void skip(int bytes, int to) {
        if (bytes > to - file.position()) {
            throw broken(file.position(), "the end in the middle of a number");
        }
        file.position(file.position() + bytes);
    }

    private long varint(int to) {
        int at = file.position();
        long value = 0;
        for (int i = 0; i < MAX_VARINT_BYTES; i++) {
            if (file.position() >= to) {
                throw broken(at, "the end in the middle of a number");
            }
            byte next = file.get();
            value |= (long) (next & 0x7F) << 7 * i;
            if (next >= 0) {
                return value;
            }
        }
        throw broken(at, "a number of more than " + MAX_VARINT_BYTES + " bytes");
    }

    private static DataException broken(int at, String what) {
        return new DataException(
                "it is no ONNX file, or was cut short or damaged: byte " + at + " announces or is " + what);
    }
}
