"""BizzyBee: every message a business receives, kept, understood, answered once, and explained.

How a message flows:

    provider, partner, file ──▶ ingest ──▶ materialize ──▶ classify ──▶ draft
                                message_events   customers        decision    reply bound to
                                (raw kept)       conversations    (rules,     its message
                                                 messages         evidence,
                                                                  model)

Layers; a line may import only what stands below it:

    wsgi · listener · cli       processes
    tasks · http                Celery and Flask, and nothing of either below
    services · bootstrap        use cases, one per file
    runtime                     what a use case may need
    channels · ai · store       providers, models, SQL
    jobs · transport · storage  what can be queued; HTTP to providers; where files are kept
    models                      tables
    domain                      rules without I/O
    config · errors · logs

Words: an *event* is a provider's message as it arrived; a *message* is what we made of it. A
*conversation* is ours, a *thread* the provider's. A *customer* has *identities*. A *config* is a
connected account, a *run* one import of it. A *job* is a contract on a queue, a *stage* the use case
that takes it, an *outcome* what became of it. An *incident* is a condition that somebody should know
of, a *dead letter* what is not tried again unless somebody says so.
"""
