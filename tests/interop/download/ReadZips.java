import java.io.BufferedInputStream;
import java.io.FileInputStream;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipInputStream;

/** Reads every archive that a list names, by its directory and as a stream: "path members bytes" per line. */
public class ReadZips {
    static final byte[] BUFFER = new byte[1 << 16];

    static long drain(InputStream in) throws Exception {
        long all = 0;
        for (int n; (n = in.read(BUFFER)) > 0; ) all += n;
        return all;
    }

    public static void main(String[] arguments) throws Exception {
        int read = 0;
        for (String line : Files.readAllLines(Path.of(arguments[0]))) {
            String[] parts = line.split(" ");
            long members = Long.parseLong(parts[1]), bytes = Long.parseLong(parts[2]), n = 0, size = 0;
            try (ZipFile zip = new ZipFile(parts[0])) {
                for (ZipEntry entry : Collections.list(zip.entries())) {
                    try (InputStream in = zip.getInputStream(entry)) {
                        size += drain(in);
                    }
                    n++;
                }
            }
            if (n != members || size != bytes) throw new Exception("ZipFile: " + line + ": " + n + " " + size);
            n = size = 0;
            try (ZipInputStream zip = new ZipInputStream(new BufferedInputStream(new FileInputStream(parts[0])))) {
                while (zip.getNextEntry() != null) {
                    size += drain(zip);
                    n++;
                }
            }
            if (n != members || size != bytes) throw new Exception("ZipInputStream: " + line + ": " + n + " " + size);
            read++;
        }
        System.out.println(read);
    }
}
