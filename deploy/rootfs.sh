#!/bin/sh
# Lays out all that the image holds: the binary, the libraries that it is linked with, certificates, a user, a data folder.
#   deploy/rootfs.sh target/release/tidings /tmp/rootfs
set -eu
binary=$1 root=$2
mkdir -p "$root/usr/local/bin" "$root/etc/ssl/certs" "$root/var/lib/tidings"
cp "$binary" "$root/usr/local/bin/tidings"
# What it is linked with, and what glibc loads by itself to look up names.
ldd "$binary" | grep -o '/[^ ]*' > "$root/libraries"
libc=$(grep '/libc\.so' "$root/libraries")
for library in $(cat "$root/libraries") "${libc%/*}/libresolv.so.2" "${libc%/*}/libnss_dns.so.2" "${libc%/*}/libnss_files.so.2"; do
    mkdir -p "$root${library%/*}"
    cp --dereference "$library" "$root$library"
done
rm "$root/libraries"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
echo 'tidings:x:65532:65532:Tidings:/var/lib/tidings:/' > "$root/etc/passwd"
echo 'tidings:x:65532:' > "$root/etc/group"
echo 'hosts: files dns' > "$root/etc/nsswitch.conf"
chmod 700 "$root/var/lib/tidings"
