"""Backups: one file that holds the database as it was at one moment, and the files that it points to.

A backup is a gzipped tar, which any machine can list, perhaps inside an encrypted container (container.py):

    backup.json              what it is of: version, migrations, columns, a check of the secret key
    tables/NAME/00001        the rows of a table as COPY writes them, in the order of the primary key, in parts
    files/PATH               a file of the data folder (weights and cards of predictors)
    manifest.json            rows and sha256 of every table, size and sha256 of every file; last, so that a
                             backup that was cut short has none

It is written by Foretell's own code, not by pg_dump: the images then need no client of the server's exact version, a
restore makes the tables by the migrations (so an older backup is an upgrade), and the hashes come with the rows.
"""
