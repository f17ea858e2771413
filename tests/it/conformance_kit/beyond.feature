Feature: Beyond the kit
  What the standard's prose says and its kit does not ask: the remaining steps, and the corners of
  data flow, branches, loops, errors and directives. The wording is that of the kit.

  # dsl-reference.md, Fork: only the output of the winning branch
  Scenario: The loser of a race is cancelled
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: the-loser-of-a-race-is-cancelled
      version: '1.0.0'
    do:
      - race:
          fork:
            compete: true
            branches:
              - slow:
                  wait: PT1H
              - fast:
                  set:
                    winner: fast
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    winner: fast
    """
    And race should run first
    And fast should complete
    And slow should cancel
    And race should complete

  # dsl-reference.md, Fork: the outputs in the order in which the branches are declared
  Scenario: Branches answer in their order
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: branches-answer-in-their-order
      version: '1.0.0'
    do:
      - all:
          fork:
            branches:
              - later:
                  do:
                    - pause:
                        wait:
                          milliseconds: 20
                    - one:
                        set:
                          n: 1
              - sooner:
                  set:
                    n: ${ .start + 1 }
    """
    And given the workflow input is:
    """yaml
    start: 1
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    - n: 1
    - n: 2
    """
    And pause should run before one

  # dsl.md, Error Handling: the instance is the reference of the task that raised it
  Scenario: A caught error keeps its task
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: a-caught-error-keeps-its-task
      version: '1.0.0'
    do:
      - attempt:
          try:
            - steps:
                do:
                  - fine:
                      set:
                        fine: true
                  - broken:
                      raise:
                        error:
                          type: https://tests.example/errors/broken
                          status: 418
                          title: Broken
                          detail: ${ "fine is \(.fine)" }
          catch:
            errors:
              with:
                status: 418
            do:
              - report:
                  set:
                    caught: ${ $error.instance }
                    detail: ${ $error.detail }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    caught: /do/0/attempt/try/0/steps/do/1/broken
    detail: fine is true
    """
    And broken should fault with error:
    """yaml
    type: https://tests.example/errors/broken
    status: 418
    title: Broken
    instance: /do/0/attempt/try/0/steps/do/1/broken
    """
    And attempt should complete
    And report should run last

  # dsl-reference.md, Catch: `when` and `exceptWhen` decide after the filter
  Scenario: An error that is excepted passes the catch
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: an-error-that-is-excepted-passes-the-catch
      version: '1.0.0'
    do:
      - attempt:
          try:
            - broken:
                raise:
                  error:
                    type: https://tests.example/errors/broken
                    status: 418
                    title: Broken
          catch:
            exceptWhen: ${ $error.status == 418 }
            do:
              - never:
                  set:
                    caught: true
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://tests.example/errors/broken
    status: 418
    instance: /do/0/attempt/try/0/broken
    """
    And attempt should fault
    And broken should run last

  # dsl-reference.md, Retry: attempts are counted, then the handler runs
  Scenario: Attempts end and the handler runs
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: attempts-end-and-the-handler-runs
      version: '1.0.0'
    do:
      - attempt:
          try:
            - broken:
                raise:
                  error:
                    type: https://tests.example/errors/broken
                    status: 503
                    title: Broken
          catch:
            errors:
              with:
                status: 503
            retry:
              delay:
                milliseconds: 1
              limit:
                attempt:
                  count: 2
            do:
              - giveUp:
                  set:
                    gaveUp: true
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    gaveUp: true
    """
    And giveUp should run last
    And broken should fault

  # dsl-reference.md, Timeout: a task that takes too long raises the timeout error
  Scenario: A task that takes too long
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: a-task-that-takes-too-long
      version: '1.0.0'
    do:
      - pause:
          wait: PT1H
          timeout:
            after:
              milliseconds: 5
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/timeout
    status: 408
    instance: /do/0/pause
    """
    And pause should fault

  # dsl.md, Timeouts: also for the whole workflow
  Scenario: A workflow that takes too long
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: a-workflow-that-takes-too-long
      version: '1.0.0'
    timeout:
      after:
        milliseconds: 5
    do:
      - pause:
          wait: PT1H
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/timeout
    status: 408
    """
    And pause should cancel

  # dsl-reference.md, Flow Directive: `exit` ends the current scope only
  Scenario: Exit leaves its own scope
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: exit-leaves-its-own-scope
      version: '1.0.0'
    do:
      - inside:
          do:
            - enough:
                set:
                  path: ${ .path + ["enough"] }
                then: exit
            - tooMuch:
                set:
                  path: ${ .path + ["tooMuch"] }
      - outside:
          set:
            path: ${ .path + ["outside"] }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    path: [enough, outside]
    """
    And outside should run last
    And enough should run before outside

  # dsl-reference.md, Flow Directive: `end` ends the workflow from any depth
  Scenario: End ends everything
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: end-ends-everything
      version: '1.0.0'
    do:
      - inside:
          do:
            - enough:
                set:
                  path: [enough]
                then: end
            - tooMuch:
                set:
                  path: [tooMuch]
      - outside:
          set:
            path: [outside]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    path: [enough]
    """
    And enough should run last
    And enough should complete

  # dsl.md, Data Flow: a task whose `if` is false passes its input on
  Scenario: A task that is not wanted is passed over
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: a-task-that-is-not-wanted-is-passed-over
      version: '1.0.0'
    do:
      - unwanted:
          if: ${ .wanted }
          set:
            done: true
      - wanted:
          if: ${ .wanted | not }
          set:
            kept: ${ . }
    """
    And given the workflow input is:
    """yaml
    wanted: false
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    kept:
      wanted: false
    """
    And wanted should run first
    And wanted should run last

  # dsl.md, Data Flow: input.from, output.as and export.as, of tasks and of the workflow
  Scenario: Every filter in its turn
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: every-filter-in-its-turn
      version: '1.0.0'
    input:
      from: .order
    do:
      - price:
          input:
            from: ${ .lines }
          set:
            total: ${ map(.price) | add }
          output:
            as: .total
          export:
            as: '${ { total: ., lines: ($input | length) } }'
      - bill:
          set:
            due: ${ . }
            of: ${ $context.lines }
            for: ${ $workflow.input.order.customer }
    output:
      as: '{ bill: ., total: $context.total }'
    """
    And given the workflow input is:
    """yaml
    order:
      customer: Ada
      lines:
        - price: 2
        - price: 3
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    bill:
      due: 5
      of: 2
      for: Ada
    total: 5
    """
    And price should complete with output:
    """yaml
    5
    """

  # dsl-reference.md, For: `while` stops it, `at` names the index, loops nest
  Scenario: Loops in loops
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: loops-in-loops
      version: '1.0.0'
    do:
      - rows:
          for:
            each: row
            in: .rows
            at: y
          while: $y < 2
          do:
            - cells:
                for:
                  each: cell
                  in: $row
                  at: x
                do:
                  - note:
                      set:
                        rows: ${ .rows }
                        seen: '${ (.seen // []) + ["\($y)\($x)\($cell)"] }'
    output:
      as: .seen
    """
    And given the workflow input is:
    """yaml
    rows: [[a, b], [c], [d]]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [00a, 01b, 10c]
    """

  # dsl.md, Data Flow: data that does not fit the schema of a task is a validation error
  Scenario: A task refuses data that does not fit
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: a-task-refuses-data-that-does-not-fit
      version: '1.0.0'
    do:
      - strict:
          input:
            schema:
              document:
                type: object
                required: [name]
          set:
            name: ${ .name }
    """
    And given the workflow input is:
    """yaml
    nickname: Ada
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/validation
    status: 400
    instance: /do/0/strict
    """

  # dsl.md, Runtime Expressions: one that fails is an expression error
  Scenario: An expression that fails
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: an-expression-that-fails
      version: '1.0.0'
    do:
      - attempt:
          try:
            - divide:
                set:
                  never: ${ .a / .b }
          catch:
            as: problem
            do:
              - report:
                  set:
                    type: ${ $problem.type }
                    at: ${ $problem.instance }
    """
    And given the workflow input is:
    """yaml
    a: 1
    b: none
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/expression
    at: /do/0/attempt/try/0/divide
    """

  # dsl-reference.md, Use: functions and errors are reusable
  Scenario: Parts are used again
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: parts-are-used-again
      version: '1.0.0'
    use:
      errors:
        teapot:
          type: https://tests.example/errors/teapot
          status: 418
          title: Teapot
      functions:
        greet:
          set:
            greeting: ${ "Hello, " + .who }
    do:
      - hello:
          call: greet
          with:
            who: Ada
      - refuse:
          if: ${ .greeting == "Hello, Ada" }
          raise:
            error: teapot
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://tests.example/errors/teapot
    status: 418
    instance: /do/1/refuse
    """
    And hello should complete with output:
    """yaml
    greeting: Hello, Ada
    """

  # dsl-reference.md, Catch: without a handler the workflow goes on
  Scenario: A caught error without a handler
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: a-caught-error-without-a-handler
      version: '1.0.0'
    do:
      - attempt:
          try:
            - broken:
                raise:
                  error:
                    type: https://tests.example/errors/broken
                    status: 500
                    title: Broken
          catch:
            errors:
              with:
                status: 500
      - after:
          set:
            here: true
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    here: true
    """
    And after should run after attempt
    And broken should fault

  # dsl.md, Fault Tolerance: an error of a handler is not caught by its own catch
  Scenario: A handler that fails
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: a-handler-that-fails
      version: '1.0.0'
    do:
      - attempt:
          try:
            - broken:
                raise:
                  error:
                    type: https://tests.example/errors/broken
                    status: 418
                    title: Broken
          catch:
            do:
              - again:
                  raise:
                    error:
                      type: https://tests.example/errors/again
                      status: 500
                      title: ${ $error.title + " again" }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://tests.example/errors/again
    status: 500
    title: Broken again
    instance: /do/0/attempt/catch/do/0/again
    """
    And again should run after broken

  # dsl.md, Fault Tolerance: an outer try catches what the inner does not
  Scenario: Catches in catches
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: catches-in-catches
      version: '1.0.0'
    do:
      - outer:
          try:
            - inner:
                try:
                  - broken:
                      raise:
                        error:
                          type: https://tests.example/errors/broken
                          status: 418
                          title: Broken
                catch:
                  errors:
                    with:
                      status: 503
                  do:
                    - never:
                        set:
                          caught: inner
          catch:
            when: ${ $error.status == 418 }
            do:
              - here:
                  set:
                    caught: outer
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    caught: outer
    """
    And inner should fault
    And outer should complete
    And here should run last

  # dsl-reference.md, Timeout and Try: a timeout is an error like others
  Scenario: A timeout is caught
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: a-timeout-is-caught
      version: '1.0.0'
    do:
      - attempt:
          try:
            - pause:
                wait: PT1H
                timeout:
                  after:
                    milliseconds: 5
          catch:
            errors:
              with:
                type: https://serverlessworkflow.io/spec/1.0.0/errors/timeout
            do:
              - goOn:
                  set:
                    late: true
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    late: true
    """
    And pause should fault

  # dsl.md, Task Flow: an uncaught error of one branch halts the others
  Scenario: A branch that fails
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: a-branch-that-fails
      version: '1.0.0'
    do:
      - both:
          fork:
            branches:
              - slow:
                  wait: PT1H
              - broken:
                  raise:
                    error:
                      type: https://tests.example/errors/broken
                      status: 418
                      title: Broken
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://tests.example/errors/broken
    status: 418
    instance: /do/0/both/fork/branches/1/broken
    """
    And slow should cancel
    And both should fault

  # dsl-reference.md, Flow Directive: a task may send back to an earlier one
  Scenario: Going back until it is enough
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: going-back-until-it-is-enough
      version: '1.0.0'
    do:
      - count:
          set:
            n: ${ (.n // 0) + 1 }
      - enough:
          switch:
            - more:
                when: .n < 5
                then: count
            - done:
                then: continue
      - told:
          set:
            counted: ${ .n }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    counted: 5
    """
    And count should run first
    And told should run last

  # dsl-reference.md, For: nothing to enumerate leaves the input as it is
  Scenario: A loop over nothing
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: a-loop-over-nothing
      version: '1.0.0'
    do:
      - none:
          for:
            in: .items
          do:
            - never:
                set:
                  seen: ${ $item }
    """
    And given the workflow input is:
    """yaml
    items: []
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    items: []
    """
    And none should run last

  # dsl-reference.md, For: the default names, and $context across rounds
  Scenario: A loop that exports
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: a-loop-that-exports
      version: '1.0.0'
    do:
      - sum:
          for:
            in: ${ .items }
          do:
            - add:
                set:
                  items: ${ .items }
                export:
                  as: '${ { total: (($context.total // 0) + $item * ($index + 1)) } }'
    output:
      as: $context
    """
    And given the workflow input is:
    """yaml
    items: [3, 4, 5]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    total: 26
    """

  # dsl.md, Runtime Expression Arguments
  Scenario: What expressions can name
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: what-expressions-can-name
      version: '1.0.0'
    do:
      - look:
          input:
            from: '{ first: .a }'
          set:
            task: ${ $task.name }
            reference: ${ $task.reference }
            raw: ${ $task.input.a }
            transformed: ${ $input.first }
            workflow: ${ $workflow.definition.document.name }
            input: ${ $workflow.input.a }
            runtime: ${ $runtime.name | type }
    """
    And given the workflow input is:
    """yaml
    a: 7
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    task: look
    reference: /do/0/look
    raw: 7
    transformed: 7
    workflow: what-expressions-can-name
    input: 7
    runtime: string
    """

  # RFC 8259, section 6: numbers keep their value
  Scenario: Numbers survive
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: numbers-survive
      version: '1.0.0'
    do:
      - keep:
          set:
            kept: ${ . }
            first: ${ .[0] }
    """
    And given the workflow input is:
    """yaml
    [9007199254740993, -9007199254740993, 18446744073709551615, 0.1, 1.5e300, 5.0e-324]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    kept: [9007199254740993, -9007199254740993, 18446744073709551615, 0.1, 1.5e300, 5.0e-324]
    first: 9007199254740993
    """

  # dsl.md, Data Flow: an input of any kind
  Scenario: An input that is a text
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: an-input-that-is-a-text
      version: '1.0.0'
    do:
      - keep:
          set: '${ { text: ., length: length } }'
    """
    And given the workflow input is:
    """yaml
    "héllo\u0000\n"
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    text: "héllo\u0000\n"
    length: 7
    """

  # dsl.md, Data Flow: the schema of an output is checked after output.as
  Scenario: A task whose output does not fit
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: a-task-whose-output-does-not-fit
      version: '1.0.0'
    do:
      - strict:
          set:
            name: 7
          output:
            as: .name
            schema:
              document:
                type: string
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/validation
    status: 400
    instance: /do/0/strict
    """

  # dsl.md, Data Flow: also that of the whole workflow
  Scenario: A workflow whose output does not fit
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: a-workflow-whose-output-does-not-fit
      version: '1.0.0'
    do:
      - give:
          set:
            name: 7
    output:
      schema:
        document:
          type: object
          properties:
            name:
              type: string
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/validation
    status: 400
    """
    And give should complete

  # dsl-reference.md, Catch: the task goes where its `then` says after a caught error
  Scenario: A caught error and a directive
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: a-caught-error-and-a-directive
      version: '1.0.0'
    do:
      - attempt:
          try:
            - broken:
                raise:
                  error:
                    type: https://tests.example/errors/broken
                    status: 418
                    title: Broken
          catch:
            errors:
              with:
                status: 418
          then: last
      - never:
          set:
            never: true
      - last:
          set:
            last: true
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    last: true
    """
    And last should run after attempt

  # dsl-reference.md, HTTP Call: a status that is no success is a communication error with that status
  Scenario: A call that is not answered well
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: a-call-that-is-not-answered-well
      version: '1.0.0'
    do:
      - find:
          call: http
          with:
            method: get
            endpoint: https://petstore.swagger.io/v2/pet/getPetByName/Milou
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://serverlessworkflow.io/spec/1.0.0/errors/communication
    status: 404
    instance: /do/0/find
    """
    And find should fault

  # dsl-reference.md, Retry: each attempt is a call of its own
  Scenario: A call is tried again
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: a-call-is-tried-again
      version: '1.0.0'
    do:
      - attempt:
          try:
            - find:
                call: http
                with:
                  method: get
                  endpoint: https://petstore.swagger.io/v2/pet/getPetByName/Milou
          catch:
            retry:
              delay:
                milliseconds: 1
              backoff:
                exponential: {}
              limit:
                attempt:
                  count: 2
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    status: 404
    instance: /do/0/attempt/try/0/find
    """

  # dsl.md, Security: wrong credentials are an authentication error
  Scenario: A call with the wrong password
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: tests
      name: a-call-with-the-wrong-password
      version: '1.0.0'
    do:
      - login:
          call: http
          with:
            method: get
            endpoint:
              uri: https://httpbin.org/basic-auth/ada/right
              authentication:
                basic:
                  username: ada
                  password: wrong
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    status: 401
    instance: /do/0/login
    """
