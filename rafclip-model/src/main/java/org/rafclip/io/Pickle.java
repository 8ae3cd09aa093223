package org.rafclip.io;

import java.math.BigInteger;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads Python's pickles without running anything. A pickle is a program for a stack machine; of its instructions only
 * those that make values and containers are known here, and what is to be called or instantiated is asked of
 * {@link Objects}, which refuses all that it does not know by name.
 *
 * <p>None, bools, integers, floats, texts and bytes are null, {@link Boolean}, {@link Long} or {@link BigInteger},
 * {@link Double}, {@link String} and {@code byte[]}; lists and sets are {@link ArrayList}, dicts
 * {@link LinkedHashMap}, tuples {@link Tuple}. A container may hold itself.
 *
 * <p>Memory is bounded by the pickle's length and by {@value #MOST_OBJECTS} values, time by the length.
 */
final class Pickle {

    private static final int MOST_OBJECTS = 1 << 20;
    private static final int HIGHEST_PROTOCOL = 5;
    private static final int NAME_IN_MESSAGE = 100;
    private static final Object MARK = new Object();

    /** A tuple; equal to itself alone. */
    record Tuple(List<Object> items) {

        int size() {
            return items.size();
        }

        Object get(int index) {
            return items.get(index);
        }

        @Override
        public boolean equals(Object other) {
            return this == other;
        }

        @Override
        public int hashCode() {
            return System.identityHashCode(this);
        }

        @Override
        public String toString() {
            return "a tuple of " + items.size();
        }
    }

    /** What a pickle's names stand for. Whatever is not known is refused by a {@link Refusal}. */
    interface Objects {

        /** A class or function by its name. */
        Object global(String module, String name);

        /** What a call gives. */
        Object call(Object callee, Tuple arguments);

        /** A new object of a class. */
        Object instance(Object type, Tuple arguments);

        /** Sets an object's state. */
        void build(Object target, Object state);

        /** What lies outside the pickle. */
        Object persistent(Object id);
    }

    /** What is wrong with a pickle, as the end of a sentence. */
    static final class Refusal extends RuntimeException {

        private static final long serialVersionUID = 1;

        private final boolean damaged;

        private Refusal(boolean damaged, String message) {
            super(message);
            this.damaged = damaged;
        }

        /** Of a pickle that no program writes. */
        static Refusal damaged(String fault) {
            return new Refusal(true, fault);
        }

        /** Of a sound pickle that asks for more than is done here. */
        static Refusal unknown(String what) {
            return new Refusal(false, what);
        }

        boolean isDamaged() {
            return damaged;
        }
    }

    private final ByteBuffer in;
    private final Objects objects;
    private final List<Object> stack = new ArrayList<>();
    private final Map<Integer, Object> memo = new HashMap<>();
    private int made;

    private Pickle(ByteBuffer in, Objects objects) {
        this.in = in;
        this.objects = objects;
    }

    /**
     * Reads one pickle and leaves the buffer behind it.
     *
     * @throws Refusal if it is damaged, or holds what is not known
     */
    static Object read(ByteBuffer in, Objects objects) {
        in.order(ByteOrder.LITTLE_ENDIAN);
        try {
            return new Pickle(in, objects).run();
        } catch (BufferUnderflowException e) {
            throw Refusal.damaged("its pickle is cut short");
        }
    }

    /** A value that has to be of a type. */
    static <T> T as(Class<T> type, Object value) {
        if (type.isInstance(value)) {
            return type.cast(value);
        }
        throw Refusal.damaged("its pickle mixes up types");
    }

    /** A name from a file as a message can show it. */
    static String shown(String name) {
        String plain = name.replaceAll("[\\p{Cntrl}\\p{Cs}]", "?");
        return plain.length() > NAME_IN_MESSAGE ? plain.substring(0, NAME_IN_MESSAGE) + "..." : plain;
    }

    private Object run() {
        while (true) {
            int opcode = in.get() & 0xff;
            switch (opcode) {
                case 0x80 -> protocol(in.get() & 0xff);
                case '.' -> {
                    Object result = pop();
                    if (!stack.isEmpty()) {
                        throw Refusal.damaged("its pickle ends with values left over");
                    }
                    return result;
                }
                case '(' -> push(MARK);
                case '0' -> pop();
                case '1' -> popMark();
                case '2' -> push(top());
                case 'N' -> push(null);
                case 0x88 -> push(true);
                case 0x89 -> push(false);
                case 'J' -> push((long) in.getInt());
                case 'K' -> push((long) (in.get() & 0xff));
                case 'M' -> push((long) (in.getShort() & 0xffff));
                case 0x8a -> push(integer(bytes(in.get() & 0xff)));
                case 'I' -> push(decimal(line()));
                case 'L' -> push(decimal(line().replaceFirst("L$", "")));
                case 'G' -> push(Double.longBitsToDouble(Long.reverseBytes(in.getLong())));
                case 'X' -> push(text(bytes(in.getInt())));
                case 0x8c -> push(text(bytes(in.get() & 0xff)));
                case 0x8d -> push(text(bytes(in.getLong())));
                case 'T' -> push(latin(bytes(in.getInt())));
                case 'U' -> push(latin(bytes(in.get() & 0xff)));
                case 'B' -> push(bytes(in.getInt()));
                case 'C' -> push(bytes(in.get() & 0xff));
                case 0x8e -> push(bytes(in.getLong()));
                case ']', 0x8f -> push(new ArrayList<>());
                case 'l' -> push(popMark());
                case 'a' -> {
                    Object item = pop();
                    list(top()).add(item);
                }
                case 'e', 0x90 -> {
                    List<Object> items = popMark();
                    list(top()).addAll(items);
                }
                case 0x91 -> push(popMark());
                case ')' -> push(new Tuple(List.of()));
                case 't' -> push(tuple(popMark()));
                case 0x85 -> push(tuple(pop(1)));
                case 0x86 -> push(tuple(pop(2)));
                case 0x87 -> push(tuple(pop(3)));
                case '}' -> push(new LinkedHashMap<>());
                case 'd' -> {
                    Map<Object, Object> map = new LinkedHashMap<>();
                    putAll(map, popMark());
                    push(map);
                }
                case 's' -> {
                    List<Object> pair = pop(2);
                    putAll(map(top()), pair);
                }
                case 'u' -> {
                    List<Object> pairs = popMark();
                    putAll(map(top()), pairs);
                }
                case 'q' -> keep(in.get() & 0xff);
                case 'r' -> keep(in.getInt());
                case 0x94 -> keep(memo.size());
                case 'h' -> push(recalled(in.get() & 0xff));
                case 'j' -> push(recalled(in.getInt()));
                case 0x95 -> frame(in.getLong());
                case 'c' -> push(objects.global(line(), line()));
                case 0x93 -> {
                    String name = as(String.class, pop());
                    push(objects.global(as(String.class, pop()), name));
                }
                case 'Q' -> push(objects.persistent(pop()));
                case 'R' -> {
                    Tuple arguments = as(Tuple.class, pop());
                    push(objects.call(pop(), arguments));
                }
                case 0x81 -> {
                    Tuple arguments = as(Tuple.class, pop());
                    push(objects.instance(pop(), arguments));
                }
                case 'b' -> {
                    Object state = pop();
                    objects.build(top(), state);
                }
                default -> throw Refusal.unknown(unknownOpcode(opcode));
            }
        }
    }

    private static String unknownOpcode(int opcode) {
        String name = switch (opcode) {
            case 'i' -> " (INST)";
            case 'o' -> " (OBJ)";
            case 'P' -> " (PERSID)";
            case 0x82, 0x83, 0x84 -> " (EXT)";
            case 0x92 -> " (NEWOBJ_EX)";
            case 0x96, 0x97, 0x98 -> " (a buffer)";
            default -> "";
        };
        return String.format("instruction 0x%02x%s", opcode, name);
    }

    private static void protocol(int version) {
        if (version > HIGHEST_PROTOCOL) {
            throw Refusal.unknown("protocol " + version);
        }
    }

    private void frame(long length) {
        if (length < 0 || length > in.remaining()) {
            throw Refusal.damaged("its pickle is cut short");
        }
    }

    private void push(Object value) {
        if (++made > MOST_OBJECTS) {
            throw Refusal.damaged("its pickle makes more than " + MOST_OBJECTS + " values");
        }
        stack.add(value);
    }

    private Object top() {
        return last(false);
    }

    private Object pop() {
        return last(true);
    }

    private Object last(boolean removed) {
        int at = stack.size() - 1;
        if (at < 0 || stack.get(at) == MARK) {
            throw Refusal.damaged("its pickle takes a value where none is");
        }
        return removed ? stack.remove(at) : stack.get(at);
    }

    private List<Object> pop(int count) {
        List<Object> values = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            values.add(pop());
        }
        Collections.reverse(values);
        return values;
    }

    private List<Object> popMark() {
        for (int at = stack.size() - 1; at >= 0; at--) {
            if (stack.get(at) == MARK) {
                List<Object> from = stack.subList(at + 1, stack.size());
                List<Object> values = new ArrayList<>(from);
                stack.subList(at, stack.size()).clear();
                return values;
            }
        }
        throw Refusal.damaged("its pickle ends a group that was not begun");
    }

    private static Tuple tuple(List<Object> items) {
        return new Tuple(Collections.unmodifiableList(items));
    }

    @SuppressWarnings("unchecked")
    private static List<Object> list(Object value) {
        return as(ArrayList.class, value);
    }

    @SuppressWarnings("unchecked")
    private static Map<Object, Object> map(Object value) {
        return as(LinkedHashMap.class, value);
    }

    private static void putAll(Map<Object, Object> map, List<Object> pairs) {
        if (pairs.size() % 2 != 0) {
            throw Refusal.damaged("its pickle has a key without a value");
        }
        for (int i = 0; i < pairs.size(); i += 2) {
            Object key = pairs.get(i);
            if (key instanceof List || key instanceof Map) {
                throw Refusal.damaged("its pickle takes a container for a key");
            }
            map.put(key, pairs.get(i + 1));
        }
    }

    private void keep(int index) {
        memo.put(index, top());
        if (memo.size() > MOST_OBJECTS) {
            throw Refusal.damaged("its pickle keeps more than " + MOST_OBJECTS + " values");
        }
    }

    private Object recalled(int index) {
        if (!memo.containsKey(index)) {
            throw Refusal.damaged("its pickle recalls value " + index + ", which was not kept");
        }
        return memo.get(index);
    }

    private byte[] bytes(long length) {
        if (length < 0 || length > in.remaining()) {
            throw Refusal.damaged("its pickle is cut short");
        }
        byte[] bytes = new byte[(int) length];
        in.get(bytes);
        return bytes;
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private static String latin(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    private static Number integer(byte[] bytes) {
        if (bytes.length == 0) {
            return 0L;
        }
        for (int i = 0, j = bytes.length - 1; i < j; i++, j--) {
            byte swapped = bytes[i];
            bytes[i] = bytes[j];
            bytes[j] = swapped;
        }
        BigInteger value = new BigInteger(bytes);
        return value.bitLength() < Long.SIZE ? (Number) value.longValue() : value;
    }

    private static Object decimal(String digits) {
        if (digits.equals("00") || digits.equals("01")) {
            return digits.equals("01");
        }
        try {
            return Long.parseLong(digits);
        } catch (NumberFormatException e) {
            throw Refusal.damaged("its pickle has the number '" + shown(digits) + "'");
        }
    }

    private String line() {
        StringBuilder line = new StringBuilder();
        while (true) {
            char next = (char) (in.get() & 0xff);
            if (next == '\n') {
                return line.toString();
            }
            line.append(next);
        }
    }
}
