package org.rafclip.ops;

import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Platform;

/** Linux's large pages: fewer are looked up, and fewer cleared, where a system leaves it to programs to ask for them. */
final class HugePages {

    private static final long PAGE = 2 << 20;
    private static final int MADV_HUGEPAGE = 14;

    private static final class Functions {
        private static final boolean AVAILABLE = bind();

        static native int madvise(long address, long length, int advice);

        private static boolean bind() {
            if (!Platform.isLinux()) {
                return false;
            }
            try {
                Native.register(Functions.class, NativeLibrary.getInstance("c"));
                return true;
            } catch (UnsatisfiedLinkError e) {
                return false;
            }
        }
    }

    private HugePages() {}

    /** Asks for large pages for the whole ones within this memory; a system that has none goes on without. */
    static void advise(long address, long size) {
        long from = (address + PAGE - 1) / PAGE * PAGE;
        long to = (address + size) / PAGE * PAGE;
        if (to > from && Functions.AVAILABLE) {
            Functions.madvise(from, to - from, MADV_HUGEPAGE);
        }
    }
}
