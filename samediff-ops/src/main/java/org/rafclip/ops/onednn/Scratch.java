package org.rafclip.ops.onednn;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;

/** Memory at the start of a cache line that grows to what is asked for; what it held is lost when it does. */
public final class Scratch implements AutoCloseable {

    private static final int ALIGNMENT = 64;

    private Memory memory;

    /** The address of so many bytes or more, which stays until there are not enough. */
    public long address(long bytes) {
        if (memory == null || memory.size() < bytes + ALIGNMENT) {
            close();
            memory = new Memory(bytes + ALIGNMENT);
        }
        return (Pointer.nativeValue(memory) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    @Override
    public void close() {
        if (memory != null) {
            memory.close();
            memory = null;
        }
    }
}
