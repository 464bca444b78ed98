// A receiver of Tidings' webhooks for Java 17 and later, with Gson beside the standard library:
//
//   WEBHOOK_KEYS="whsec_..." TIDINGS_URL=https://... TIDINGS_TOKEN=tdg_... java -cp gson.jar Receiver.java
//
// It verifies a delivery, keeps it on disk, says thank you, and only then works on it: once, and in the order of its
// thread. Two files stand for two tables of your database: `inbox` (what was taken) and `handled` (what is done).

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public class Receiver {
    static final String DATA = env("DATA", ".");
    static final int PORT = Integer.parseInt(env("PORT", "9000"));
    static final long GAP_WAIT_MS = Long.parseLong(env("GAP_WAIT_MS", "5000"));
    static final int TOLERANCE_S = 300, SIGNATURES_MAX = 8, BODY_BYTES_MAX = 4 << 20, CALLERS_MAX = 16;
    static final int SEEN_MAX = 1_000_000, THREADS_MAX = 100_000, HELD_MAX = 10_000, QUEUE_MAX = 10_000;
    static final int FETCH_TRIES_MAX = 3;
    static final String READ_S_MAX = "30";
    static final Duration FETCH_MAX = Duration.ofSeconds(30);

    static String env(String name, String usual) {
        return System.getenv().getOrDefault(name, usual);
    }

    /** Your work. It may see an event twice after a crash, never in another order than that of its thread. */
    static void handle(JsonObject event) {
        System.out.println("handled " + text(event, "id") + " " + (number(event, "order") == 0 ? "-" : number(event, "order")));
    }

    // Verify: over the bytes as they came, before anybody parses them.

    interface Verifier {
        boolean verifies(String version, String signature, byte[] signed) throws GeneralSecurityException;
    }

    static final List<Verifier> VERIFIERS = new ArrayList<>();

    static Verifier verifierOf(String key) throws GeneralSecurityException {
        if (key.startsWith("whsec_")) {
            byte[] secret = Base64.getDecoder().decode(key.substring(6));
            if (secret.length < 24) throw new IllegalArgumentException("a secret in WEBHOOK_KEYS is too short");
            return (version, signature, signed) -> {
                Mac mac = Mac.getInstance("HmacSHA256");
                mac.init(new SecretKeySpec(secret, "HmacSHA256"));
                byte[] expected = Base64.getEncoder().encode(mac.doFinal(signed));
                return version.equals("v1") && MessageDigest.isEqual(expected, signature.getBytes(StandardCharsets.UTF_8));
            };
        }
        if (key.startsWith("whpk_")) {
            // The key as SubjectPublicKeyInfo: RFC 8410.
            byte[] der = HexFormat.of().parseHex("302a300506032b6570032100" + HexFormat.of().formatHex(Base64.getDecoder().decode(key.substring(5))));
            PublicKey publicKey = KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(der));
            return (version, signature, signed) -> {
                if (!version.equals("v1a")) return false;
                Signature ed25519 = Signature.getInstance("Ed25519");
                ed25519.initVerify(publicKey);
                ed25519.update(signed);
                return ed25519.verify(Base64.getDecoder().decode(signature));
            };
        }
        throw new IllegalArgumentException("WEBHOOK_KEYS holds something that is neither whsec_ nor whpk_");
    }

    static boolean isGenuine(HttpExchange exchange, byte[] body, long nowS) {
        String id = header(exchange, "webhook-id"), timestamp = header(exchange, "webhook-timestamp");
        if (id.isEmpty() || !timestamp.matches("[0-9]{1,12}")) return false;
        if (Math.abs(nowS - Long.parseLong(timestamp)) > TOLERANCE_S) return false;
        byte[] start = (id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8);
        byte[] signed = ByteBuffer.allocate(start.length + body.length).put(start).put(body).array();
        String[] entries = header(exchange, "webhook-signature").split(" ", SIGNATURES_MAX + 1);
        for (int i = 0; i < Math.min(entries.length, SIGNATURES_MAX); i++) {
            String[] parts = entries[i].split(",", 2);
            if (parts.length < 2) continue;
            for (Verifier verifier : VERIFIERS) {
                try {
                    if (verifier.verifies(parts[0], parts[1], signed)) return true;
                } catch (GeneralSecurityException | IllegalArgumentException error) {
                    // It is not base64, or has another length: it fits no key.
                }
            }
        }
        return false;
    }

    static String header(HttpExchange exchange, String name) {
        String value = exchange.getRequestHeaders().getFirst(name);
        return value == null ? "" : value;
    }

    // Accept: a 2xx says that it is ours from now on, so it is on disk before.

    /** A table with a unique key on the id does the same. */
    static final Map<String, Boolean> SEEN = new LinkedHashMap<>();
    static final BlockingQueue<JsonObject> ACCEPTED = new ArrayBlockingQueue<>(QUEUE_MAX);
    static FileChannel inbox, handled;

    static int accept(HttpExchange exchange) throws IOException, InterruptedException {
        if (!exchange.getRequestMethod().equals("POST")) return 405;
        byte[] body = exchange.getRequestBody().readNBytes(BODY_BYTES_MAX + 1);
        if (body.length > BODY_BYTES_MAX) return 413;
        if (!isGenuine(exchange, body, System.currentTimeMillis() / 1000)) return 401;
        String json = new String(body, StandardCharsets.UTF_8);
        JsonObject event = parsed(json);
        if (event == null || text(event, "id") == null) return 400;
        String id = header(exchange, "webhook-id");
        synchronized (SEEN) {
            if (SEEN.containsKey(id)) return 204;
            write(inbox, json.replace('\r', ' ').replace('\n', ' ') + "\n"); // in JSON a line break is only white space
            remember(id);
        }
        ACCEPTED.put(event);
        return 204;
    }

    static JsonObject parsed(String json) {
        try {
            return JsonParser.parseString(json) instanceof JsonObject event ? event : null;
        } catch (JsonParseException error) {
            return null;
        }
    }

    static void remember(String id) {
        synchronized (SEEN) {
            SEEN.put(id, true);
            if (SEEN.size() > SEEN_MAX) SEEN.remove(SEEN.keySet().iterator().next());
        }
    }

    static void write(FileChannel file, String line) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(line.getBytes(StandardCharsets.UTF_8));
        while (bytes.hasRemaining()) file.write(bytes);
        file.force(false);
    }

    /** A text, or null. */
    static String text(JsonObject event, String name) {
        JsonElement value = event.get(name);
        return value != null && value.isJsonPrimitive() && value.getAsJsonPrimitive().isString() ? value.getAsString() : null;
    }

    /** A number, which webhooks write as text; or 0. */
    static long number(JsonObject event, String name) {
        JsonElement value = event.get(name);
        return value != null && value.isJsonPrimitive() ? value.getAsLong() : 0;
    }

    // Order: a thread counts its events. What is missing is waited for, then fetched. One thread of the program does it.

    static class Line {
        long next = 1, seq = 0, dueMs = 0;
        int tries = 0;
        final TreeMap<Long, JsonObject> held = new TreeMap<>();
    }

    static final LinkedHashMap<String, Line> LINES = new LinkedHashMap<>();
    static final HttpClient CLIENT = HttpClient.newBuilder().connectTimeout(FETCH_MAX).build();

    static long clockMs() {
        return System.nanoTime() / 1_000_000;
    }

    static void place(JsonObject event) throws IOException {
        long order = number(event, "order");
        String thread = text(event, "thread");
        Line line = thread == null ? null : LINES.computeIfAbsent(thread, id -> new Line());
        if (line == null || order < line.next) {
            finish(event); // it stands alone, or was given up: late is better than never
            return;
        }
        line.held.put(order, event);
        drain(line);
        if (!line.held.isEmpty() && line.dueMs == 0) {
            boolean isFull = LINES.values().stream().mapToInt(each -> each.held.size()).sum() > HELD_MAX;
            line.dueMs = clockMs() + (isFull ? 0 : GAP_WAIT_MS);
        }
        Map.Entry<String, Line> oldest = LINES.entrySet().iterator().next();
        if (LINES.size() > THREADS_MAX && oldest.getValue().held.isEmpty()) LINES.remove(oldest.getKey());
    }

    static void drain(Line line) throws IOException {
        for (JsonObject event; (event = line.held.remove(line.next)) != null; ) {
            line.next += 1;
            line.seq = number(event, "seq");
            finish(event);
        }
        if (line.held.isEmpty()) line.dueMs = 0;
    }

    /** Gets what is missing before the events that are held, and goes on with them. */
    static void fill(Line line) throws IOException, InterruptedException {
        try {
            // What came before the first event that we saw of a thread is not missing.
            if (line.seq > 0) fetch(line);
        } catch (IOException | RuntimeException error) {
            System.err.println("cannot fetch what is missing: " + error);
            line.tries += 1;
            line.dueMs = clockMs() + GAP_WAIT_MS;
            if (line.tries < FETCH_TRIES_MAX) return;
        }
        line.tries = 0;
        while (!line.held.isEmpty()) {
            line.next = line.held.firstKey();
            drain(line);
        }
    }

    static void fetch(Line line) throws IOException, InterruptedException {
        long last = line.held.lastKey();
        JsonObject event = line.held.get(last);
        String chat = text(event, "subject") == null ? text(event, "chat") : text(event, "subject");
        for (long after = line.seq; after > 0; ) {
            JsonObject page = get("/api/v1/events?limit=100&after=" + after + "&chat=" + chat);
            for (JsonElement item : page.getAsJsonArray("items")) {
                JsonObject missing = item.getAsJsonObject();
                long order = number(missing, "order");
                if (!text(event, "thread").equals(text(missing, "thread")) || order < line.next) continue;
                if (order > last) return;
                if (line.held.putIfAbsent(order, missing) == null) remember(text(missing, "id")); // it may still come
            }
            after = page.get("next") == null || page.get("next").isJsonNull() ? 0 : number(page, "next");
        }
    }

    static JsonObject get(String path) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(env("TIDINGS_URL", "") + path)).timeout(FETCH_MAX)
            .header("Authorization", "Bearer " + env("TIDINGS_TOKEN", "")).build();
        HttpResponse<String> answer = CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
        JsonObject page = answer.statusCode() == 200 ? parsed(answer.body()) : null;
        if (page == null) throw new IOException("status " + answer.statusCode());
        return page;
    }

    static void finish(JsonObject event) throws IOException {
        handle(event);
        String thread = text(event, "thread") == null ? "-" : text(event, "thread");
        write(handled, text(event, "id") + " " + thread + " " + number(event, "order") + " " + number(event, "seq") + "\n");
    }

    static void work() throws IOException, InterruptedException {
        while (true) {
            long soonest = Long.MAX_VALUE;
            for (Line line : new ArrayList<>(LINES.values())) {
                if (line.dueMs != 0 && line.dueMs <= clockMs()) fill(line);
                if (line.dueMs != 0) soonest = Math.min(soonest, line.dueMs);
            }
            JsonObject event = ACCEPTED.poll(Math.max(0, soonest - clockMs()), TimeUnit.MILLISECONDS);
            if (event != null) place(event);
        }
    }

    // Start: what was taken and not done is done now.

    static List<String> linesOf(String name) throws IOException {
        Path path = Path.of(DATA, name);
        return Files.exists(path) ? Files.readAllLines(path) : List.of();
    }

    static void start() throws IOException {
        for (String text : linesOf("handled")) {
            String[] parts = text.split(" ");
            if (parts.length < 4) continue; // a crash cut it
            remember(parts[0]);
            if (parts[1].equals("-")) continue;
            Line line = LINES.computeIfAbsent(parts[1], id -> new Line());
            line.next = Math.max(line.next, Long.parseLong(parts[2]) + 1);
            line.seq = Math.max(line.seq, Long.parseLong(parts[3]));
        }
        List<String> taken = linesOf("inbox");
        inbox = FileChannel.open(Path.of(DATA, "inbox"), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        handled = FileChannel.open(Path.of(DATA, "handled"), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        for (FileChannel file : List.of(inbox, handled)) write(file, "\n"); // ends a line that was cut
        for (String text : taken) {
            JsonObject event = parsed(text);
            if (event == null || SEEN.containsKey(text(event, "id"))) continue;
            remember(text(event, "id"));
            place(event);
        }
    }

    public static void main(String[] arguments) throws Exception {
        for (String key : env("WEBHOOK_KEYS", "").split(" ")) VERIFIERS.add(verifierOf(key)); // several while a key changes
        System.setProperty("sun.net.httpserver.maxReqTime", READ_S_MAX);
        start();
        Thread worker = new Thread(() -> {
            try {
                work();
            } catch (IOException | InterruptedException error) {
                System.err.println("cannot work: " + error);
                System.exit(1);
            }
        });
        worker.start();
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", PORT), 0);
        server.createContext("/", exchange -> {
            int status = 503;
            try {
                status = accept(exchange);
            } catch (InterruptedException error) {
                Thread.currentThread().interrupt();
            } finally {
                exchange.sendResponseHeaders(status, -1);
                exchange.close();
            }
        });
        server.setExecutor(Executors.newFixedThreadPool(CALLERS_MAX));
        server.start();
    }
}
