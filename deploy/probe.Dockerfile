# For images that hold one program and nothing else: a static wget to ask for their health with, and a folder of their
# user's own that a volume takes its owner from.
ARG IMAGE
FROM busybox:1.37.0-musl AS busybox
RUN mkdir /empty
FROM ${IMAGE}
ARG DATA=/data
COPY --from=busybox /bin/wget /bin/wget
COPY --from=busybox --chown=10001:10001 /empty ${DATA}
