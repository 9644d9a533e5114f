package io.saleslake.spark;

import io.delta.storage.CloseableIterator;
import io.delta.storage.HadoopFileSystemLogStore;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.util.Iterator;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FSDataOutputStreamBuilder;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * Commits of Delta tables on S3 by conditional create, so that of two drivers that write the same version one always
 * learns that it lost. Delta's own S3 store looks first and writes then: two drivers can both see nothing and both
 * write, and one commit is gone without an error.
 *
 * <p>A response that is lost on the way makes the client try again and meet its own commit. The text of a commit is
 * unique (it carries a transaction id), so an existing file with exactly our text is ours, and the commit succeeded.
 */
public final class ConditionalLogStore extends HadoopFileSystemLogStore {
  private static final String IF_ABSENT = "fs.option.create.conditional.overwrite";

  public ConditionalLogStore(Configuration hadoopConf) {
    super(hadoopConf);
  }

  @Override
  public void write(Path path, Iterator<String> actions, Boolean overwrite, Configuration hadoopConf)
      throws IOException {
    byte[] text = text(actions);
    FileSystem files = path.getFileSystem(hadoopConf);
    if (overwrite) {
      put(files.create(path, true), text);
      return;
    }
    try {
      FSDataOutputStreamBuilder<?, ?> create = files.createFile(path).overwrite(true);
      create.must(IF_ABSENT, true);
      put((FSDataOutputStream) create.build(), text);
    } catch (IOException fault) {
      if (!exists(files, path)) {
        throw fault;
      }
      if (!ours(path, text, hadoopConf)) {
        FileAlreadyExistsException lost = new FileAlreadyExistsException(path.toString());
        lost.initCause(fault);
        throw lost;
      }
    }
  }

  @Override
  public Boolean isPartialWriteVisible(Path path, Configuration hadoopConf) {
    return false; // an object appears whole or not at all
  }

  private static byte[] text(Iterator<String> actions) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    while (actions.hasNext()) {
      bytes.writeBytes(actions.next().getBytes(StandardCharsets.UTF_8));
      bytes.write('\n');
    }
    return bytes.toByteArray();
  }

  private static void put(FSDataOutputStream out, byte[] text) throws IOException {
    try (out) {
      out.write(text);
    }
  }

  private static boolean exists(FileSystem files, Path path) throws IOException {
    try {
      files.getFileStatus(path);
      return true;
    } catch (java.io.FileNotFoundException absent) {
      return false;
    }
  }

  private boolean ours(Path path, byte[] text, Configuration hadoopConf) throws IOException {
    ByteArrayOutputStream found = new ByteArrayOutputStream();
    try (CloseableIterator<String> lines = read(path, hadoopConf)) {
      while (lines.hasNext()) {
        found.writeBytes(lines.next().getBytes(StandardCharsets.UTF_8));
        found.write('\n');
      }
    }
    return java.util.Arrays.equals(found.toByteArray(), text);
  }
}
