#!/usr/bin/env bash
# Start an Orthanc archive (Debian packages orthanc and orthanc-dicomweb) on this machine, for tests and for trying out:
#
#     scripts/start_orthanc.sh FOLDER     # FOLDER must not exist; it receives configuration, storage, log and pid
#     scripts/stop_orthanc.sh FOLDER
#
# FOLDER/address.json says ports and AE title, and the user and password made for this archive. Only this machine is let
# in, and by DIMSE only the AE title MYOT2.
set -euo pipefail

plugin=/usr/share/orthanc/plugins/libOrthancDicomWeb.so
program=$(command -v Orthanc || command -v /usr/sbin/Orthanc) || {
    echo "Orthanc is not installed (Debian package orthanc)" >&2
    exit 3
}
[ -e "$plugin" ] || {
    echo "Orthanc's DICOMweb is not installed (Debian package orthanc-dicomweb)" >&2
    exit 3
}
[ $# -eq 1 ] || {
    echo "usage: $0 FOLDER" >&2
    exit 2
}
mkdir -m 700 "$1"
folder=$(cd "$1" && pwd)
read -r http_port dicom_port password < <(python3 - <<'END'
import secrets
import socket

sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(one.getsockname()[1] for one in sockets), secrets.token_hex(16))
END
)
cat >"$folder/orthanc.json" <<END
{
  "StorageDirectory": "$folder/storage",
  "IndexDirectory": "$folder/storage",
  "TemporaryDirectory": "$folder",
  "Plugins": ["$plugin"],
  "DicomWeb": {"Enable": true, "Root": "/dicom-web/"},
  "HttpPort": $http_port,
  "RemoteAccessAllowed": false,
  "AuthenticationEnabled": true,
  "RegisteredUsers": {"radiologist": "$password"},
  "DicomPort": $dicom_port,
  "DicomAet": "ARCHIVE",
  "DicomCheckCalledAet": true,
  "DicomCheckModalityHost": true,
  "DicomModalities": {
    "myot2": {"AET": "MYOT2", "Host": "127.0.0.1", "Port": 1, "AllowEcho": true, "AllowFind": true, "AllowGet": true,
              "AllowStore": true}
  },
  "DicomAlwaysAllowEcho": false,
  "DicomAlwaysAllowStore": false
}
END
cat >"$folder/address.json" <<END
{"http_port": $http_port, "dicom_port": $dicom_port, "ae_title": "ARCHIVE",
 "user": "radiologist", "password": "$password"}
END
: >"$folder/orthanc.log"
"$program" "$folder/orthanc.json" >>"$folder/orthanc.log" 2>&1 </dev/null &
echo $! >"$folder/pid"
for _ in $(seq 300); do
    kill -0 "$(cat "$folder/pid")" 2>/dev/null || break
    if grep -q "Orthanc has started" "$folder/orthanc.log"; then
        exit 0
    fi
    sleep 0.1
done
"$(dirname "$0")/stop_orthanc.sh" "$folder"
echo "Orthanc did not start; its last words:" >&2
tail -n 5 "$folder/orthanc.log" >&2
exit 1
