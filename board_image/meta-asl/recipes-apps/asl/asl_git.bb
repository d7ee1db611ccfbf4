SUMMARY = "Sign language letters from a camera, on the DPU"
DESCRIPTION = "A release of the application with its model, laid out as its first deployment would, and its service."
SECTION = "multimedia"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/Apache-2.0;md5=89aea4e17d99a7cacdbeed46a0096b10"

# The folder that `.venv/bin/python -m host bundle build/models/NAME --out build/releases` made (after
# `make setup`), with a model that AMD's compiler compiled for this image's DPU. Set it in project-spec/meta-user/conf/petalinuxbsp.conf:
#     ASL_RELEASE = "/home/me/asl/build/releases/0123456789ab"
ASL_RELEASE ?= ""
PV = "${@asl_id(d) or 'none'}"

inherit externalsrc systemd

EXTERNALSRC = "${ASL_RELEASE}"
# Nothing is written into the release: no links, no lock.
EXTERNALSRC_SYMLINKS = ""
EXTERNALSRC_BUILD = "${WORKDIR}/build"
# The service's files are where the deployment has them; copy them along with this recipe and set this,
# if the layer is not used from its checkout.
ASL_FILES ?= "${THISDIR}/../../../../host/deploy/files"
FILESEXTRAPATHS:prepend := "${ASL_FILES}:"
SRC_URI = "file://asl.service file://launch.py file://settings.env file://journald.conf"

SYSTEMD_SERVICE:${PN} = "asl.service"
SYSTEMD_AUTO_ENABLE = "enable"

PREFIX_ASL = "/opt/asl"
FILES:${PN} += "${PREFIX_ASL} ${sysconfdir}/systemd/journald.conf.d/asl.conf"
CONFFILES:${PN} = "${PREFIX_ASL}/etc/settings.env"

RDEPENDS:${PN} = "python3-modules python3-numpy python3-opencv vart xir"

def asl_release(d):
    """Return the content of the release's release.json, or nothing where no release is named."""
    import json
    import os
    path = os.path.join(d.getVar("ASL_RELEASE") or "", "release.json")
    if not os.path.isfile(path):
        return {}
    with open(path, encoding="utf-8") as file:
        return json.load(file)

def asl_id(d):
    return asl_release(d).get("id", "")

python () {
    release = asl_release(d)
    if not release:
        raise bb.parse.SkipRecipe(
            "ASL_RELEASE must be a release's folder, got '%s'; make one with make setup and"
            " .venv/bin/python -m host bundle build/models/NAME --out build/releases, and name it in"
            " petalinuxbsp.conf" % d.getVar("ASL_RELEASE"))
    if release["model"]["toolchain"] == "builtin":
        raise bb.parse.SkipRecipe(
            "model must be compiled by AMD's compiler for a board, got toolchain 'builtin' in %s;"
            " run make quantize compile TOOLCHAIN=vitis" % d.getVar("ASL_RELEASE"))
}

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -d ${D}${PREFIX_ASL}/releases/${PV} ${D}${PREFIX_ASL}/etc
    cp -R --no-preserve=ownership,mode ${S}/. ${D}${PREFIX_ASL}/releases/${PV}/
    ln -s releases/${PV} ${D}${PREFIX_ASL}/current
    install -m 0755 ${WORKDIR}/launch.py ${D}${PREFIX_ASL}/launch.py
    install -m 0644 ${WORKDIR}/settings.env ${D}${PREFIX_ASL}/etc/settings.env
    install -d ${D}${systemd_system_unitdir} ${D}${sysconfdir}/systemd/journald.conf.d
    install -m 0644 ${WORKDIR}/asl.service ${D}${systemd_system_unitdir}/asl.service
    install -m 0644 ${WORKDIR}/journald.conf ${D}${sysconfdir}/systemd/journald.conf.d/asl.conf
}

# Each board makes the live page's token itself, at its first start: an image is the same for many.
pkg_postinst_ontarget:${PN}() {
    token=/opt/asl/etc/token.env
    if [ ! -e "$token" ]; then
        (umask 077 && printf 'ASL_PAGE_TOKEN=%s\n' "$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')" > "$token.new")
        mv "$token.new" "$token"
    fi
}
