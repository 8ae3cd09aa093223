/**
 * Files a run can trust after a power cut: tensors in the safetensors format, files and directories that appear whole
 * or not at all, and content hashes.
 */
package org.rafclip.io;
