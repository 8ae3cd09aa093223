package org.rafclip.train;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.ops.kernel.Memory;

/**
 * Peers over TCP, each connected with each. A sum is cut into as many parts as there are processes: each adds up one part, in the
 * order of ranks, and hands it out. So of P numbers each sends and receives 2 P (n − 1) / n, as in a ring.
 *
 * <p>Who connects has to know a number drawn by whom it connects to, and that comes to all of them by another way only.
 */
public final class SocketPeers implements Peers, Closeable {

    private static final int CONNECT_MILLIS = 30_000;
    private static final int BLOCK = 1 << 16;
    private static final int SECRET = 16;

    private final int rank;
    private final Link[] links;
    private final ExecutorService senders;

    private SocketPeers(int rank, Link[] links) {
        this.rank = rank;
        this.links = links;
        this.senders = Executors.newFixedThreadPool(Math.max(1, links.length - 1), work -> {
            Thread thread = new Thread(work, "to peers");
            thread.setDaemon(true);
            return thread;
        });
    }

    /** A connection to another process. */
    private record Link(Socket socket, DataInputStream in, DataOutputStream out) {

        static Link of(Socket socket) throws IOException {
            socket.setTcpNoDelay(true);
            socket.setKeepAlive(true);
            return new Link(
                    socket,
                    new DataInputStream(new BufferedInputStream(socket.getInputStream(), BLOCK)),
                    new DataOutputStream(new BufferedOutputStream(socket.getOutputStream(), BLOCK)));
        }
    }

    /** What is sent to or read from a link. */
    private interface Transfer {
        void run(Link link) throws IOException;
    }

    /**
     * Connects with all others.
     *
     * @param host that the others reach this process by
     * @param allGather takes this process's word, without a blank, and returns everybody's in the order of ranks
     * @throws LostException if one of them cannot be reached
     */
    public static SocketPeers connect(int rank, int size, InetAddress host, Function<String, String[]> allGather) {
        Link[] links = new Link[size];
        byte[] secret = new byte[SECRET];
        new SecureRandom().nextBytes(secret);
        try (ServerSocket server = new ServerSocket(0, size, host)) {
            server.setSoTimeout(CONNECT_MILLIS);
            String[] all = allGather.apply(host.getHostAddress() + "/" + server.getLocalPort() + "/"
                    + HexFormat.of().formatHex(secret));
            for (int other = 0; other < rank; other++) {
                String[] place = all[other].split("/");
                Socket socket = new Socket();
                socket.connect(new InetSocketAddress(place[0], Integer.parseInt(place[1])), CONNECT_MILLIS);
                links[other] = Link.of(socket);
                links[other].out().write(HexFormat.of().parseHex(place[2]));
                links[other].out().writeInt(rank);
                links[other].out().flush();
            }
            for (int missing = size - 1 - rank; missing > 0; ) {
                Link link = Link.of(server.accept());
                link.socket().setSoTimeout(CONNECT_MILLIS);
                byte[] said = link.in().readNBytes(SECRET);
                if (MessageDigest.isEqual(secret, said)) {
                    links[link.in().readInt()] = link;
                    link.socket().setSoTimeout(0);
                    missing--;
                } else {
                    link.socket().close();
                }
            }
        } catch (IOException e) {
            for (Link link : links) {
                close(link);
            }
            throw new LostException("a worker before the first step (" + e.getMessage() + ")", e);
        }
        return new SocketPeers(rank, links);
    }

    @Override
    public int rank() {
        return rank;
    }

    @Override
    public int size() {
        return links.length;
    }

    @Override
    public String word(String mine) {
        byte[] bytes = mine.getBytes(StandardCharsets.UTF_8);
        if (rank == 0) {
            finish(send(other -> link -> {
                link.out().writeInt(bytes.length);
                link.out().write(bytes);
            }));
            return mine;
        }
        byte[][] heard = new byte[1][];
        receive(0, link -> heard[0] = link.in().readNBytes(link.in().readInt()));
        return new String(heard[0], StandardCharsets.UTF_8);
    }

    @Override
    public INDArray gather(INDArray mine, long rows) {
        int length = mine == null ? 0 : (int) mine.length();
        int width = mine == null ? 0 : (int) mine.size(1);
        List<Future<?>> sending = send(other -> link -> {
            link.out().writeInt(length);
            link.out().writeInt(width);
            if (length > 0) {
                write(link.out(), floats(mine));
            }
        });
        INDArray all = mine == null ? null : Nd4j.createUninitializedDetached(DataType.FLOAT, 'c', rows, width);
        long at = 0;
        for (int other = 0; other < links.length; other++) {
            int count = length;
            if (other != rank) {
                int[] sizes = new int[2];
                receive(other, link -> {
                    sizes[0] = link.in().readInt();
                    sizes[1] = link.in().readInt();
                });
                count = sizes[0];
                if (all == null && count > 0) {
                    all = Nd4j.createUninitializedDetached(DataType.FLOAT, 'c', rows, sizes[1]);
                }
            }
            if (count == 0) {
                continue;
            }
            FloatBuffer part = floats(all).slice((int) at, count);
            if (other == rank) {
                part.put(floats(mine));
            } else {
                receive(other, link -> read(link.in(), part, false));
            }
            at += count;
        }
        finish(sending);
        if (all == null || at != all.length()) {
            throw new IllegalStateException("of " + rows + " rows some are nobody's");
        }
        Memory.keep(Memory.of(all));
        return all;
    }

    @Override
    public void sum(Collection<INDArray> arrays) {
        List<FloatBuffer> whole = arrays.stream().map(SocketPeers::floats).toList();
        long length = whole.stream().mapToLong(FloatBuffer::remaining).sum();
        List<FloatBuffer> own = part(whole, length, rank);
        List<Future<?>> sending = send(other -> link -> {
            for (FloatBuffer piece : part(whole, length, other)) {
                write(link.out(), piece);
            }
        });
        if (rank == 0) {
            addOthers(own, 1);
        } else {
            // Ranks are added in their order, so what is here waits for what comes before it.
            List<float[]> here = own.stream()
                    .map(piece -> {
                        float[] copy = new float[piece.remaining()];
                        piece.duplicate().get(copy);
                        return copy;
                    })
                    .toList();
            receive(0, link -> {
                for (FloatBuffer piece : own) {
                    read(link.in(), piece.duplicate(), false);
                }
            });
            for (int other = 1; other < rank; other++) {
                add(own, other);
            }
            for (int i = 0; i < own.size(); i++) {
                FloatBuffer piece = own.get(i);
                float[] copy = here.get(i);
                for (int k = 0; k < copy.length; k++) {
                    piece.put(k, piece.get(k) + copy[k]);
                }
            }
            addOthers(own, rank + 1);
        }
        finish(sending);
        sending = send(other -> link -> {
            for (FloatBuffer piece : own) {
                write(link.out(), piece);
            }
        });
        for (int other = 0; other < links.length; other++) {
            if (other != rank) {
                List<FloatBuffer> theirs = part(whole, length, other);
                receive(other, link -> {
                    for (FloatBuffer piece : theirs) {
                        read(link.in(), piece.duplicate(), false);
                    }
                });
            }
        }
        finish(sending);
        arrays.forEach(array -> Memory.keep(Memory.of(array)));
    }

    private void addOthers(List<FloatBuffer> own, int from) {
        for (int other = from; other < links.length; other++) {
            add(own, other);
        }
    }

    private void add(List<FloatBuffer> own, int other) {
        receive(other, link -> {
            for (FloatBuffer piece : own) {
                read(link.in(), piece.duplicate(), true);
            }
        });
    }

    /** The pieces of the arrays that one process adds up. */
    private List<FloatBuffer> part(List<FloatBuffer> whole, long length, int of) {
        long from = length * of / links.length;
        long to = length * (of + 1) / links.length;
        List<FloatBuffer> pieces = new ArrayList<>();
        long at = 0;
        for (FloatBuffer array : whole) {
            long first = Math.max(from, at);
            long last = Math.min(to, at + array.remaining());
            if (first < last) {
                pieces.add(array.slice((int) (first - at), (int) (last - first)));
            }
            at += array.remaining();
        }
        return pieces;
    }

    private static FloatBuffer floats(INDArray array) {
        if (array.dataType() != DataType.FLOAT) {
            throw new IllegalArgumentException("peers exchange FLOAT, not " + array.dataType());
        }
        return Memory.of(Memory.dense(array))
                .bytes()
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer();
    }

    private static void write(DataOutputStream out, FloatBuffer floats) throws IOException {
        FloatBuffer left = floats.duplicate();
        byte[] block = new byte[(int) Math.min(BLOCK, (long) left.remaining() * Float.BYTES)];
        FloatBuffer view = ByteBuffer.wrap(block).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
        while (left.hasRemaining()) {
            int count = Math.min(view.capacity(), left.remaining());
            view.clear().put(left.slice().limit(count));
            left.position(left.position() + count);
            out.write(block, 0, count * Float.BYTES);
        }
    }

    /** @param add to what is there, or in its place */
    private static void read(DataInputStream in, FloatBuffer to, boolean add) throws IOException {
        byte[] block = new byte[(int) Math.min(BLOCK, (long) to.remaining() * Float.BYTES)];
        FloatBuffer view = ByteBuffer.wrap(block).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
        while (to.hasRemaining()) {
            int count = Math.min(view.capacity(), to.remaining());
            in.readFully(block, 0, count * Float.BYTES);
            if (add) {
                int at = to.position();
                for (int i = 0; i < count; i++) {
                    to.put(at + i, to.get(at + i) + view.get(i));
                }
                to.position(at + count);
            } else {
                to.put(view.clear().limit(count));
            }
        }
    }

    /** Sends to all others, side by side with what the caller goes on to do. */
    private List<Future<?>> send(Function<Integer, Transfer> what) {
        List<Future<?>> sending = new ArrayList<>();
        for (int other = 0; other < links.length; other++) {
            if (other != rank) {
                Link link = links[other];
                Transfer transfer = what.apply(other);
                sending.add(senders.submit(() -> {
                    transfer.run(link);
                    link.out().flush();
                    return null;
                }));
            }
        }
        return sending;
    }

    private void finish(List<Future<?>> sending) {
        for (Future<?> one : sending) {
            try {
                one.get();
            } catch (ExecutionException e) {
                if (e.getCause() instanceof IOException io) {
                    throw lost(io);
                }
                throw new IllegalStateException(e.getCause());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted", e);
            }
        }
    }

    private void receive(int other, Transfer transfer) {
        try {
            transfer.run(links[other]);
        } catch (IOException e) {
            throw lost(e);
        }
    }

    private static LostException lost(IOException e) {
        return new LostException("a worker (" + (e instanceof EOFException ? "it ended" : e.getMessage()) + ")", e);
    }

    @Override
    public void close() {
        senders.shutdownNow();
        for (Link link : links) {
            close(link);
        }
    }

    private static void close(Link link) {
        if (link != null) {
            try {
                link.socket().close();
            } catch (IOException e) {
                // It is gone either way.
            }
        }
    }
}
